//! The body of `/v1/messages` and of its `count_tokens`. Field names follow Anthropic's API reference.
//! Ranges and kinds are checked in `server`.
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::TextOrList;

pub type InputContent = TextOrList<InputBlock>;

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct MessagesRequest {
    pub model: Option<String>,
    pub messages: Vec<InputMessage>,
    pub system: Option<InputContent>,
    /// Required for an answer; a count of tokens has none.
    pub max_tokens: Option<i64>,
    pub temperature: Option<f32>,
    pub top_p: Option<f32>,
    pub top_k: Option<i64>,
    #[serde(default)]
    pub stop_sequences: Vec<String>,
    #[serde(default)]
    pub stream: bool,
    #[serde(default)]
    pub tools: Vec<Tool>,
    pub tool_choice: Option<ToolChoice>,
    pub thinking: Option<Thinking>,
    pub output_config: Option<OutputConfig>,
    /// The older name of `output_config.format`.
    pub output_format: Option<OutputFormat>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct InputMessage {
    pub role: String,
    pub content: InputContent,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct InputBlock {
    /// `text`, `image`, `tool_use`, `tool_result`, `thinking` or `redacted_thinking`; others are refused by
    /// name.
    #[serde(rename = "type")]
    pub kind: String,
    pub text: Option<String>,
    pub thinking: Option<String>,
    /// Of an image.
    pub source: Option<ImageSource>,
    /// Of a tool use, as `name` and `input`.
    pub id: Option<String>,
    pub name: Option<String>,
    pub input: Option<Map<String, Value>>,
    /// Of a tool result, as `content`.
    pub tool_use_id: Option<String>,
    pub content: Option<TextOrList<InputBlock>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ImageSource {
    /// `base64` or `url`.
    #[serde(rename = "type")]
    pub kind: String,
    pub media_type: Option<String>,
    pub data: Option<String>,
    pub url: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Tool {
    /// Absent or `custom`; Anthropic's own tools have other kinds and run on its servers.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub name: String,
    pub description: Option<String>,
    pub input_schema: Option<Value>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ToolChoice {
    /// `auto`, `any`, `tool` or `none`.
    #[serde(rename = "type")]
    pub kind: String,
    pub name: Option<String>,
    #[serde(default)]
    pub disable_parallel_tool_use: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Thinking {
    /// `enabled`, `adaptive` or `disabled`.
    #[serde(rename = "type")]
    pub kind: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct OutputConfig {
    pub format: Option<OutputFormat>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct OutputFormat {
    /// `json_schema`.
    #[serde(rename = "type")]
    pub kind: String,
    pub schema: Value,
}
