//! The JSON lines that a worker prints on standard output: its address, its progress, and why it failed.
//! One line is one event; the log goes to standard error and is not parsed.
use serde::{Deserialize, Serialize};

use crate::{Bytes, ExtractedDocument, Tokens, WorkerFailure, WorkerPlace};

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
    /// A check without a start found nothing wrong.
    Checked {
        /// The chat template can switch reasoning on and off.
        switches_reasoning: bool,
    },
    /// The text of a document.
    Extracted {
        document: ExtractedDocument,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorCode, ReportedCode};

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
