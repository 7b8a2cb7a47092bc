//! Why a worker does not start, or ends: a code with the values of its message. The words for a person are
//! in the catalogue of the app.
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ErrorCode;

/// Why a worker does not start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkerFailure {
    pub code: ReportedCode,
    /// Lowercase English fragment for the log, which reads after "failed to".
    pub message: String,
    /// Values for the placeholders of the code's message.
    #[serde(default)]
    pub detail: Map<String, Value>,
}

/// The code of a failure. A worker of another version may report one that this version does not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ReportedCode {
    Known(ErrorCode),
    Unknown(String),
}

impl WorkerFailure {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code: ReportedCode::Known(code), message: message.into(), detail: Map::new() }
    }

    /// Adds one value for the placeholders of the message.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.detail.insert(name.to_owned(), value.into());
        self
    }
}
