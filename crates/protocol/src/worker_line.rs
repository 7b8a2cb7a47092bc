//! The JSON lines that a worker prints on standard output: its address, its progress, and why it failed.
//! One line is one event; the log goes to standard error and is not parsed.
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Bytes, ErrorCode, Tokens, WorkerPlace};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum WorkerLine {
    Listening {
        address: String,
    },
    /// Bytes of weights that were read.
    Loading {
        done: Bytes,
        total: Bytes,
    },
    Ready {
        model: String,
        context_length: Tokens,
        threads: u32,
        /// Absent in the lines of an older worker.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        place: Option<WorkerPlace>,
    },
    Failed {
        error: WorkerFailure,
    },
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_of_another_version_is_kept_as_text() {
        let line = r#"{"event":"failed","error":{"code":"odd","message":"m"}}"#;
        let WorkerLine::Failed { error } = serde_json::from_str(line).expect("is a line") else {
            panic!("not a failure")
        };
        assert_eq!((error.code, error.detail.len()), (ReportedCode::Unknown("odd".to_owned()), 0));
    }

    #[test]
    fn a_failure_is_read_as_it_was_written() {
        let error = WorkerFailure::new(ErrorCode::PortInUse, "listen").with("port", 80);
        let text = serde_json::to_string(&WorkerLine::Failed { error: error.clone() }).expect("is data");
        assert_eq!(
            text,
            r#"{"event":"failed","error":{"code":"port_in_use","message":"listen","detail":{"port":80}}}"#
        );
        assert_eq!(serde_json::from_str::<WorkerLine>(&text).expect("reads"), WorkerLine::Failed { error });
    }
}
