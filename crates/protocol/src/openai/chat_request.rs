//! The body of `/v1/chat/completions`: OpenAI's names, and the few that every local engine adds.
//! Field names follow OpenAI's API reference, vLLM and llama.cpp. Ranges are checked in `server`.
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ChatMessage, SamplingParams};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ChatCompletionRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    pub messages: Vec<ChatMessage>,
    /// Fields of the same object. The worker reads them in a pass of their own, because a flattened field
    /// would hide which names are unknown.
    #[serde(flatten, skip_deserializing)]
    pub sampling: SamplingParams,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub logprobs: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_logprobs: Option<usize>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_choice: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_format: Option<ResponseFormat>,
    /// Variables of the model's chat template.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub chat_template_kwargs: Value,
    /// Continue the last message instead of answering it, as vLLM calls it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub continue_final_message: bool,
    /// Which of these three a model supports depends on its chat template.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_effort: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking: Option<ThinkingParam>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_thinking: Option<bool>,
    /// False ends an answer after its first call; true is the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallel_tool_calls: Option<bool>,
    /// Every token of the answer with its experts and drafts, in the field `whaledeck`. The name is SGLang's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub return_routed_experts: bool,
    /// The progress of the prompt comes before the first token of a stream. The name is llama.cpp's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub return_progress: bool,
    /// Requests share cached prefixes only when their salts are equal, and prefixes with a salt are in memory
    /// only. The name is vLLM's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_salt: Option<String>,
}

/// DeepSeek's own: `{"type": "enabled" | "disabled"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThinkingParam {
    #[serde(rename = "type")]
    pub kind: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResponseFormat {
    /// `text`, `json_object` or `json_schema`.
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json_schema: Option<Value>,
    /// Of a json_object, as llama.cpp and SGLang know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
}
