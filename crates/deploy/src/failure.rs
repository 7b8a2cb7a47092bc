//! The error of this crate: a worker, an engine or a host that failed.
//! It carries a code and values, not a sentence for the screen; `app` finds the words in assets/messages.
use std::collections::BTreeMap;

use protocol::{ErrorCode, ReportedCode, WorkerFailure};
use serde_json::Value;

/// An error code, a message for the log, and the values of the message catalogue's placeholders.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Failure {
    pub code: ErrorCode,
    pub message: String,
    pub detail: BTreeMap<String, String>,
}

impl Failure {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), detail: BTreeMap::new() }
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.detail.insert(name.to_owned(), value.into());
        self
    }
}

impl From<WorkerFailure> for Failure {
    fn from(WorkerFailure { code, message, detail }: WorkerFailure) -> Self {
        let failure = match code {
            ReportedCode::Known(code) => Self::new(code, message),
            // Only a worker of another version reports one.
            ReportedCode::Unknown(code) => {
                tracing::warn!(code, message, "the worker reported an unknown error code");
                Self::new(ErrorCode::Internal, format!("{code}: {message}")).with("code", code)
            }
        };
        detail.into_iter().fold(failure, |failure, (name, value)| {
            let text = match value {
                Value::String(text) => text,
                other => other.to_string(),
            };
            failure.with(&name, text)
        })
    }
}
