//! Errors of the store of keys. None contains a key.
//! An error of a file names the file, and tells one that cannot be parsed from one that cannot be read.
use store::StoreError;

/// Display completes "failed to".
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The keyring refused, or the encrypted file does not have the key.
    #[error("use the store of keys: {0}")]
    Refused(String),
    #[error(transparent)]
    File(#[from] StoreError),
}

impl SecretError {
    pub(crate) fn refused(why: impl std::fmt::Display) -> Self {
        Self::Refused(why.to_string())
    }
}
