//! Answers of the Messages API in one body, their token counts and errors.
//! `input_tokens` are those that were computed; the ones from the prefix cache are counted beside them.
use serde::Serialize;
use serde_json::{Map, Value};

use crate::Tokens;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Message {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub role: &'static str,
    pub model: String,
    pub content: Vec<OutputBlock>,
    pub stop_reason: Option<StopReason>,
    pub stop_sequence: Option<String>,
    pub usage: MessageUsage,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum OutputBlock {
    Text {
        text: String,
    },
    /// The signature is empty: nobody but this worker reads the block again.
    Thinking {
        thinking: String,
        signature: &'static str,
    },
    ToolUse {
        id: String,
        name: String,
        input: Map<String, Value>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    EndTurn,
    MaxTokens,
    StopSequence,
    ToolUse,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct MessageUsage {
    pub input_tokens: Tokens,
    pub output_tokens: Tokens,
    /// Always 0: the prefix cache stores every prompt by itself.
    pub cache_creation_input_tokens: Tokens,
    pub cache_read_input_tokens: Tokens,
}

/// The reply of `/v1/messages/count_tokens`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct InputTokens {
    pub input_tokens: Tokens,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorDetail {
    /// Anthropic's classes, such as `invalid_request_error`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub message: String,
}
