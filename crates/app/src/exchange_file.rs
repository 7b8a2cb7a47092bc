//! A JSON file that the user takes from one computer to another, such as a chat or a library of prompts. It
//! is untrusted input: its size, its format and its version are checked before anything of it is used.
use std::path::Path;

use contract::{ErrorCode, ErrorView};
use serde::de::DeserializeOwned;

use crate::convert::storage_error;

/// What a file of a kind says of itself.
pub(crate) struct ExchangeFile {
    pub format: &'static str,
    pub version: u32,
    /// A larger file is not read.
    pub max_bytes: u64,
    /// "read the chat", in messages.
    pub action: &'static str,
    /// The code of a file that is not one.
    pub invalid: ErrorCode,
}

/// The first two fields of every such file.
pub(crate) trait Header {
    fn format(&self) -> &str;
    fn version(&self) -> u32;
}

impl ExchangeFile {
    /// # Errors
    /// A file that is none, of another version, or that cannot be read.
    pub(crate) fn read<T: DeserializeOwned + Header>(&self, path: &Path) -> Result<T, ErrorView> {
        let failed = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => self.invalid(path, &error.to_string()),
            _ => storage_error(self.action, path, &error),
        };
        let length = std::fs::metadata(path).map_err(failed)?.len();
        if length > self.max_bytes {
            return Err(self.invalid(path, &format!("it has {length} bytes")));
        }
        let text = std::fs::read(path).map_err(failed)?;
        let file: T =
            serde_json::from_slice(&text).map_err(|error| self.invalid(path, &error.to_string()))?;
        if file.format() != self.format || file.version() != self.version {
            let found = format!("it is {} of version {}", file.format(), file.version());
            return Err(self.invalid(path, &found));
        }
        Ok(file)
    }

    pub(crate) fn invalid(&self, path: &Path, reason: &str) -> ErrorView {
        ErrorView::new(self.invalid, format!("{}: {reason}", self.action)).with("path", path.display())
    }
}
