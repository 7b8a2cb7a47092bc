//! Answers of the Responses API in one body. A stream ends with the same body.
//! Fields of OpenAI's object that a client's types demand are written also where they never change.
use serde::Serialize;
use serde_json::Value;

use super::{ReasoningParam, ResponseTool};
use crate::Tokens;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Response {
    pub id: String,
    pub object: &'static str,
    /// Seconds of the Unix clock.
    pub created_at: u64,
    pub status: ResponseStatus,
    pub error: Option<ResponseError>,
    pub incomplete_details: Option<IncompleteDetails>,
    pub model: String,
    pub output: Vec<OutputItem>,
    pub usage: Option<ResponseUsage>,
    // What was asked for.
    pub instructions: Option<String>,
    pub max_output_tokens: Option<i64>,
    pub temperature: Option<f32>,
    pub top_p: Option<f32>,
    pub tools: Vec<ResponseTool>,
    pub tool_choice: Value,
    pub parallel_tool_calls: bool,
    pub reasoning: ReasoningParam,
    pub text: ResponseText,
    pub metadata: Value,
    // What this worker never does.
    pub background: bool,
    pub store: bool,
    pub previous_response_id: Option<String>,
    pub truncation: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseStatus {
    InProgress,
    Completed,
    Incomplete,
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResponseError {
    pub code: &'static str,
    pub message: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IncompleteDetails {
    pub reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ResponseText {
    pub format: ResponseTextFormat,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ResponseTextFormat {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum OutputItem {
    Reasoning { id: String, status: ItemStatus, summary: Vec<()>, content: Vec<OutputContent> },
    Message { id: String, status: ItemStatus, role: &'static str, content: Vec<OutputContent> },
    FunctionCall { id: String, status: ItemStatus, call_id: String, name: String, arguments: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemStatus {
    InProgress,
    Completed,
    /// Cut off: a call with this status must not be executed.
    Incomplete,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum OutputContent {
    ReasoningText { text: String },
    OutputText { text: String, annotations: Vec<()>, logprobs: Vec<()> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ResponseUsage {
    pub input_tokens: Tokens,
    pub input_tokens_details: InputTokensDetails,
    pub output_tokens: Tokens,
    pub output_tokens_details: OutputTokensDetails,
    pub total_tokens: Tokens,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct InputTokensDetails {
    pub cached_tokens: Tokens,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OutputTokensDetails {
    pub reasoning_tokens: Tokens,
}
