//! Why a server does not start, or a call does not come through. An error that the tool itself reports is a
//! result: the model reads it.
use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ToolError {
    #[error("start the tool server: there is no program `{command}`")]
    NoProgram { command: String },
    #[error("start the tool server: {reason}")]
    NotStarted { reason: String },
    #[error("start the tool server: it did not answer within {} seconds", .0.as_secs())]
    StartTimeout(Duration),
    /// The server wants a login that is not there, or refuses it.
    #[error("reach the tool server: it asks for a login")]
    Unauthorized,
    #[error("call the tool: its server ended")]
    Ended,
    #[error("call the tool: no answer within {} seconds", .0.as_secs())]
    Timeout(Duration),
    #[error("call the tool: {reason}")]
    Failed { reason: String },
}

impl ToolError {
    pub(crate) fn failed(reason: impl Into<String>) -> Self {
        Self::Failed { reason: reason.into() }
    }
}
