//! Errors as they cross a boundary: a code for programs and the message catalogue, a fragment for the log,
//! and the values of the message's placeholders. The messages are in the UI's and the CLI's catalogues, in
//! both languages.
use std::collections::BTreeMap;

pub use protocol::ErrorCode;
use serde::{Deserialize, Serialize};
use specta::Type;

/// One error, whose message a host looks up by its code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct ErrorView {
    pub code: ErrorCode,
    /// Lowercase English fragment that reads after "failed to"; shown only under Details.
    pub message: String,
    /// Values of the message's placeholders, such as `needed` and `free` in bytes or `path`.
    pub detail: BTreeMap<String, String>,
}

impl ErrorView {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), detail: BTreeMap::new() }
    }

    /// Adds a value for a placeholder of the message.
    pub fn with(mut self, key: &str, value: impl ToString) -> Self {
        self.detail.insert(key.to_owned(), value.to_string());
        self
    }
}

impl std::fmt::Display for ErrorView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} [{}]", self.message, self.code)
    }
}

impl std::error::Error for ErrorView {}
