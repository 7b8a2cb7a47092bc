//! The settings of API access: their file, their values for now, and the arguments that they give a worker.
//! Access is off until the user asks for it, and where the file is damaged.
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use contract::{ErrorCode, ErrorView, SharingSpec};
use parking_lot::Mutex;
use protocol::WorkerArgs;
use store::{StoreError, VersionedFile};

use super::keys::ApiKeys;
use crate::convert::store_error;

const FILE: &str = "sharing.json";
/// The code of a file that cannot be parsed.
const UNREADABLE: ErrorCode = ErrorCode::SharingUnreadable;
const LOG: &str = "requests.jsonl";
const PORT: u16 = 8137;
const RATE: u32 = 60;

pub(crate) struct Sharing {
    file: VersionedFile<SharingSpec>,
    pub(super) log: PathBuf,
    pub(super) keys: ApiKeys,
    /// Replaces the file, for a host that gives access only while it runs.
    pub(super) override_spec: Mutex<Option<SharingSpec>>,
    /// The number of worker starts that wait for the end of answers.
    pub(super) waiting: Arc<AtomicUsize>,
}

impl Sharing {
    /// Also returns the errors of files that cannot be parsed; these were moved aside.
    pub(crate) fn open(data_dir: &Path) -> (Self, Vec<ErrorView>) {
        let (keys, keys_problem) = ApiKeys::open(data_dir);
        let sharing = Self {
            file: VersionedFile::new(data_dir.join(FILE), "settings of API access"),
            log: data_dir.join(LOG),
            keys,
            override_spec: Mutex::default(),
            waiting: Arc::default(),
        };
        let problem = sharing.file.recover().err().map(|error| store_error(error, UNREADABLE));
        (sharing, problem.into_iter().chain(keys_problem).collect())
    }

    /// Access is off when the file cannot be parsed.
    pub(super) fn spec(&self) -> Result<SharingSpec, ErrorView> {
        if let Some(spec) = self.override_spec.lock().clone() {
            return Ok(spec);
        }
        let off = SharingSpec {
            on: false,
            host: Ipv4Addr::LOCALHOST.to_string(),
            port: PORT,
            rate: RATE,
            origins: Vec::new(),
        };
        match self.file.read() {
            Ok(spec) => Ok(spec.unwrap_or(off)),
            Err(StoreError::Unreadable { .. }) => Ok(off),
            Err(error) => Err(store_error(error, UNREADABLE)),
        }
    }

    pub(super) fn save(&self, spec: &SharingSpec) -> Result<(), ErrorView> {
        self.file.write(spec).map_err(|error| store_error(error, UNREADABLE))
    }

    /// Adds API access to the arguments of a worker, unless it is off.
    pub(crate) fn share(&self, args: WorkerArgs) -> Result<WorkerArgs, ErrorView> {
        let spec = self.spec()?;
        if !spec.on {
            return Ok(args);
        }
        Ok(WorkerArgs {
            host: host(&spec)?,
            port: spec.port,
            rate: Some(spec.rate),
            keys: Some(self.keys.file().to_owned()),
            request_log: Some(self.log.clone()),
            allow_origin: spec.origins,
            ..args
        })
    }
}

pub(super) fn host(spec: &SharingSpec) -> Result<IpAddr, ErrorView> {
    spec.host.trim().parse().map_err(|_| {
        let message = "offer the model: where it listens is an address of this computer";
        ErrorView::new(ErrorCode::InvalidInput, message)
            .with("name", "host")
            .with("allowed", "127.0.0.1, 0.0.0.0")
    })
}

/// As a browser writes one: a scheme, a host and perhaps a port, without a path. `*` would let every page in.
fn is_origin(origin: &str) -> bool {
    origin.split_once("://").is_some_and(|(scheme, host)| {
        let plain = |text: &str, more: &str| {
            !text.is_empty()
                && text.chars().all(|letter| letter.is_ascii_alphanumeric() || more.contains(letter))
        };
        plain(scheme, "+-.") && plain(host, "-._:[]")
    })
}

pub(super) fn check(spec: &SharingSpec) -> Result<(), ErrorView> {
    host(spec)?;
    if spec.port == 0 {
        let error =
            ErrorView::new(ErrorCode::InvalidInput, "offer the model: programs need a port that stays");
        return Err(error.with("name", "port").with("allowed", "1-65535"));
    }
    if let Some(odd) = spec.origins.iter().find(|origin| !is_origin(origin)) {
        let message = format!("offer the model: `{odd}` is no origin of a page");
        let error = ErrorView::new(ErrorCode::InvalidInput, message);
        return Err(error.with("name", "origins").with("allowed", "https://example.com, app://obsidian.md"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_is_off_until_asked_for_and_never_given_by_a_damaged_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let (sharing, problems) = Sharing::open(folder.path());
        assert_eq!(problems, []);
        let plain = || WorkerArgs::new("/model");
        let shared = |sharing: &Sharing| sharing.share(plain()).expect("reads");
        assert_eq!(shared(&sharing), plain());
        let spec = SharingSpec {
            on: true,
            host: "0.0.0.0".into(),
            port: 9000,
            rate: 5,
            origins: vec!["app://obsidian.md".into()],
        };
        sharing.save(&spec).expect("is kept");
        let args = shared(&sharing);
        assert_eq!((args.host.to_string().as_str(), args.port, args.rate), ("0.0.0.0", 9000, Some(5)));
        for text in ["{", "{\"version\":7,\"on\":true,\"host\":\"0.0.0.0\",\"port\":1,\"rate\":1}"] {
            std::fs::write(folder.path().join(FILE), text).expect("writes");
            assert_eq!(shared(&sharing), plain(), "{text}");
            let (_, problems) = Sharing::open(folder.path());
            assert_eq!(problems.len(), 1, "{text}");
            assert_eq!(problems[0].code, ErrorCode::SharingUnreadable);
            assert_eq!(std::fs::read_to_string(&problems[0].detail["path"]).expect("is kept"), text);
            assert_eq!(Sharing::open(folder.path()).1, [], "it is reported once");
        }
        assert!(check(&SharingSpec { port: 0, ..spec.clone() }).is_err());
        assert!(check(&SharingSpec { host: "everywhere".into(), ..spec.clone() }).is_err());
        for origin in ["*", "null", "https://*", "https://a.b/c", "obsidian.md", "https:// a", ""] {
            let odd = SharingSpec { origins: vec![origin.into()], ..spec.clone() };
            assert!(check(&odd).is_err(), "{origin}");
        }
        for origin in
            ["app://obsidian.md", "http://localhost:3000", "chrome-extension://abc", "https://[::1]:1"]
        {
            let fine = SharingSpec { origins: vec![origin.into()], ..spec.clone() };
            assert!(check(&fine).is_ok(), "{origin}");
        }
    }
}
