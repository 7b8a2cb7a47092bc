//! A small file with the words that errors use for it, and those errors.
//! Reads its bytes and replaces them with JSON; knows no fields.
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Display completes "failed to".
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// An error of the operating system.
    #[error("{what}: {source}")]
    Io { what: String, path: PathBuf, source: io::Error },
    /// The file has another version or format, or invalid entries. `path` is where it is now.
    #[error("read the {name}: {reason}")]
    Unreadable { name: String, path: PathBuf, reason: String },
}

#[derive(Debug)]
pub(crate) struct NamedFile {
    pub path: PathBuf,
    /// Completes "read the ...".
    pub name: String,
}

impl NamedFile {
    /// `None` where there is no file.
    pub fn read(&self) -> Result<Option<Vec<u8>>, StoreError> {
        match std::fs::read(&self.path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed("read the", error)),
        }
    }

    pub fn write(&self, value: &impl serde::Serialize) -> Result<(), StoreError> {
        let bytes = serde_json::to_vec_pretty(value).map_err(io::Error::from);
        let written = bytes.and_then(|bytes| crate::replace(&self.path, &bytes));
        written.map_err(|error| self.failed("write the", error))
    }

    pub fn set_aside(&self) -> Result<PathBuf, StoreError> {
        crate::set_aside(&self.path).map_err(|error| self.failed("keep the old", error))
    }

    pub fn keep_copy(&self) -> Result<PathBuf, StoreError> {
        crate::keep_copy(&self.path).map_err(|error| self.failed("keep the old", error))
    }

    pub fn unreadable(&self, reason: impl std::fmt::Display) -> StoreError {
        let (name, path) = (self.name.clone(), self.path.clone());
        StoreError::Unreadable { name, path, reason: reason.to_string() }
    }

    fn failed(&self, what: &str, source: io::Error) -> StoreError {
        StoreError::Io { what: format!("{what} {}", self.name), path: self.path.clone(), source }
    }
}

impl StoreError {
    /// The error of a file that was moved or copied to `aside`.
    pub(crate) fn kept_at(self, aside: &Path) -> Self {
        match self {
            Self::Unreadable { name, reason, .. } => {
                Self::Unreadable { name, path: aside.to_owned(), reason }
            }
            io @ Self::Io { .. } => io,
        }
    }
}
