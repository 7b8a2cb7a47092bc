//! The file of API keys that the app writes and the worker reads: hashes of the keys of other programs.
//! The keys themselves are in no file. The worker reads the file again when it changes.
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeyFile {
    pub version: u32,
    pub keys: Vec<ApiKey>,
}

/// What the worker needs of a key; the app keeps more beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    pub name: String,
    /// SHA-256 in hexadecimal. A key has 256 random bits, so the hash cannot be reversed by guessing.
    pub hash: String,
    /// Seconds of the Unix clock; never when absent.
    pub expires: Option<u64>,
}

impl ApiKeyFile {
    pub const VERSION: u32 = 1;
    /// The name of the list in the file.
    pub const FIELD: &'static str = "keys";
}
