//! The body of `/v1/responses`. Field names follow OpenAI's API reference.
//! An item is one type with all fields, because a tagged enum would hide which fields are unknown.
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::TextOrList;

pub type ResponseInput = TextOrList<InputItem>;

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ResponsesRequest {
    pub model: Option<String>,
    pub input: ResponseInput,
    /// The system message.
    pub instructions: Option<String>,
    pub max_output_tokens: Option<i64>,
    pub temperature: Option<f32>,
    pub top_p: Option<f32>,
    #[serde(default)]
    pub stream: bool,
    #[serde(default)]
    pub tools: Vec<ResponseTool>,
    /// `auto`, `none`, `required`, or an object with the `name` of a function.
    pub tool_choice: Option<Value>,
    pub parallel_tool_calls: Option<bool>,
    pub reasoning: Option<ReasoningParam>,
    pub text: Option<TextParam>,
    pub metadata: Option<Value>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct InputItem {
    /// `message` when absent, `function_call`, `function_call_output` or `reasoning`; others are refused by
    /// name.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub role: Option<String>,
    /// Of a message, or the text of a reasoning item.
    pub content: Option<TextOrList<InputPart>>,
    /// Of a function call, as `name` and `arguments`; and of its output.
    pub call_id: Option<String>,
    pub name: Option<String>,
    pub arguments: Option<String>,
    pub output: Option<TextOrList<InputPart>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct InputPart {
    /// `input_text`, `output_text`, `reasoning_text` or `input_image`; others are refused by name.
    #[serde(rename = "type")]
    pub kind: String,
    pub text: Option<String>,
    pub image_url: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResponseTool {
    /// `function`; OpenAI's own tools have other kinds and run on its servers.
    #[serde(rename = "type")]
    pub kind: String,
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReasoningParam {
    pub effort: Option<String>,
    /// What is written of the reasoning is the reasoning itself, so that no summary exists.
    pub summary: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct TextParam {
    pub format: Option<TextFormat>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct TextFormat {
    /// `text`, `json_object` or `json_schema`.
    #[serde(rename = "type")]
    pub kind: String,
    pub schema: Option<Value>,
}
