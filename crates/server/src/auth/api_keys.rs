//! Keys of other programs: a file of hashes, which is read again when it changes, so that a removed key is
//! refused at once.
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use protocol::{ApiKey, ApiKeyFile};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;

pub struct ApiKeys {
    path: PathBuf,
    modified: Option<SystemTime>,
    keys: Vec<ApiKey>,
}

impl ApiKeys {
    pub fn new(path: PathBuf) -> Self {
        Self { path, modified: None, keys: Vec::new() }
    }

    /// The name of a key that is in the file and has not expired.
    pub fn name_of(&mut self, key: &str) -> Option<String> {
        self.refresh();
        let hash = hash_of(key);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let matches = |key: &&ApiKey| {
            constant_time_eq(&key.hash, &hash) && key.expires.is_none_or(|expires| now < expires)
        };
        self.keys.iter().find(matches).map(|key| key.name.clone())
    }

    fn refresh(&mut self) {
        let modified = std::fs::metadata(&self.path).and_then(|data| data.modified()).ok();
        if modified.is_some() && modified == self.modified {
            return;
        }
        self.modified = modified;
        let text = std::fs::read(&self.path).ok();
        let file = text.and_then(|text| serde_json::from_slice::<ApiKeyFile>(&text).ok());
        let file = file.filter(|file| file.version == ApiKeyFile::VERSION);
        self.keys = file.map(|file| file.keys).unwrap_or_default();
    }
}

/// SHA-256 in hexadecimal.
pub fn hash_of(key: &str) -> String {
    hex::encode(Sha256::digest(key.as_bytes()))
}

/// Compares without its duration telling where the first difference is.
pub fn constant_time_eq(a: &str, b: &str) -> bool {
    a.as_bytes().ct_eq(b.as_bytes()).into()
}
