//! API keys of other programs: created, shown once, and stored as hashes in the file that the worker reads. A
//! key has 256 random bits, so a plain SHA-256 of it does not need a salt.
use std::path::Path;

use contract::{ErrorCode, ErrorView, NewSharingKey, SharingKey};
use jiff::{SignedDuration, Timestamp};
use protocol::{ApiKey, ApiKeyFile};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::convert::invalid;
use crate::list_file::{ListFile, ListKind};

/// The worker also reads this file.
static KIND: ListKind = ListKind {
    list: store::ListKind {
        file: "sharing-keys.json",
        field: ApiKeyFile::FIELD,
        name: "keys of other programs",
    },
    unreadable: ErrorCode::SharingKeysUnreadable,
};
const NAME_LIMIT: usize = 60;
/// Ten years.
const MAX_DAYS: u32 = 3650;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Record {
    id: String,
    /// The fields that the worker reads.
    #[serde(flatten)]
    key: ApiKey,
    created_at: String,
}

pub(super) struct ApiKeys(ListFile<Record>);

impl ApiKeys {
    /// As [`ListFile::open`]. Only its owner may read the file, as every file that is replaced atomically.
    pub(super) fn open(data_dir: &Path) -> (Self, Option<ErrorView>) {
        let (list, problem) = ListFile::open(data_dir, &KIND);
        (Self(list), problem)
    }

    pub(super) fn file(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn all(&self) -> Result<Vec<SharingKey>, ErrorView> {
        Ok(self.0.all()?.iter().map(view).collect())
    }

    /// Creates a key that expires after `days`, or never.
    pub(super) fn add(&self, name: &str, days: Option<u32>) -> Result<NewSharingKey, ErrorView> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > NAME_LIMIT || name.chars().any(char::is_control) {
            return Err(invalid("make the key: it needs a short name", "name", format!("1-{NAME_LIMIT}")));
        }
        if days.is_some_and(|days| days == 0 || days > MAX_DAYS) {
            return Err(invalid("make the key: it lasts for a day or more", "days", format!("1-{MAX_DAYS}")));
        }
        let (now, secret) = (Timestamp::now(), secrets::random_key());
        let expires = days.map(|days| now + SignedDuration::from_hours(i64::from(days) * 24));
        let record = Record {
            id: uuid::Uuid::now_v7().simple().to_string(),
            key: ApiKey {
                name: name.to_owned(),
                hash: hex::encode(Sha256::digest(secret.as_bytes())),
                expires: expires.map(|time| time.as_second().max(0) as u64),
            },
            created_at: now.to_string(),
        };
        let key = view(&record);
        self.0.change(|keys| keys.push(record))?;
        Ok(NewSharingKey { secret, key })
    }

    /// Removes a key by its id or its name.
    pub(super) fn remove(&self, id: &str) -> Result<(), ErrorView> {
        let known = self.0.all()?.into_iter().any(|record| record.id == id || record.key.name == id);
        if !known {
            return Err(invalid("take the key back: there is none of this name", "name", id));
        }
        self.0.change(|keys| keys.retain(|record| record.id != id && record.key.name != id))
    }
}

fn view(record: &Record) -> SharingKey {
    let expires = record.key.expires.and_then(|seconds| Timestamp::from_second(seconds as i64).ok());
    SharingKey {
        id: record.id.clone(),
        name: record.key.name.clone(),
        created_at: record.created_at.clone(),
        expires_at: expires.map(|time| time.to_string()),
        expired: expires.is_some_and(|time| time <= Timestamp::now()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_shown_once_and_kept_as_a_hash() {
        let folder = tempfile::tempdir().expect("a folder");
        let (keys, _) = ApiKeys::open(folder.path());
        let made = keys.add(" laptop ", Some(30)).expect("is made");
        assert!(made.secret.starts_with("wd-") && made.secret.len() == 46, "{}", made.secret.len());
        assert!(!format!("{made:?}").contains(&made.secret));
        let other = keys.add("for ever", None).expect("is made");
        assert_ne!(other.secret, made.secret);
        let text = std::fs::read_to_string(keys.file()).expect("reads");
        assert!(!text.contains(&made.secret) && !text.contains(&other.secret));
        let read: ApiKeyFile = serde_json::from_str(&text).expect("the worker reads it");
        assert_eq!((read.version, read.keys.len()), (ApiKeyFile::VERSION, 2));
        let again = ApiKeys::open(folder.path()).0.all().expect("reads");
        assert_eq!((again.len(), again[0].name.as_str(), again[0].expired), (2, "laptop", false));
        assert_eq!((again[0].expires_at.is_some(), again[1].expires_at.clone()), (true, None));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(keys.file()).expect("is there").permissions().mode();
            assert_eq!(mode & 0o077, 0, "others cannot read it");
        }
        keys.remove(&again[0].id).expect("is there");
        keys.remove("for ever").expect("by its name");
        assert_eq!(keys.remove("for ever").expect_err("is gone").code, ErrorCode::InvalidInput);
        for (name, days) in [("", None), ("x", Some(0)), ("a\nb", None), ("x", Some(100_000))] {
            assert_eq!(keys.add(name, days).expect_err("is refused").code, ErrorCode::InvalidInput);
        }
        std::fs::write(keys.file(), "{").expect("writes");
        assert_eq!(keys.all().expect_err("is damaged").code, ErrorCode::SharingKeysUnreadable);
        let (keys, problem) = ApiKeys::open(folder.path());
        assert_eq!(problem.expect("an error").code, ErrorCode::SharingKeysUnreadable);
        keys.add("again", None).expect("keys can be made again");
    }
}
