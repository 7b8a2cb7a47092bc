//! One line of the access log, as JSON: the worker appends it and the app shows it.
//! It holds neither prompt nor answer, nor the API key itself.
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessLogEntry {
    /// Seconds of the Unix clock.
    pub at: u64,
    /// Name of the API key; `?` for a request that was refused for its key.
    pub key: String,
    pub path: String,
    /// HTTP status.
    pub status: u16,
    /// Milliseconds until the last byte of the answer.
    pub ms: u64,
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    /// False where the client closed the connection before the end.
    #[serde(default, rename = "whole")]
    pub complete: bool,
}
