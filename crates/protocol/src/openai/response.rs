//! Answers: complete ones, and the chunks of a stream, of chat and of plain completions.
//! There is always one choice. The extensions of this worker are in one field, `whaledeck`.
use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{ChatLogprobs, TextLogprobs, ToolCall, ToolType, Usage};
use crate::{AnswerExtension, Tokens};

/// `C` is the type of the choices, which is what the three kinds of answers differ in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Completion<C> {
    pub id: String,
    pub object: Cow<'static, str>,
    /// Seconds of the Unix clock.
    pub created: u64,
    pub model: String,
    pub choices: Vec<C>,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Before the first token of a stream whose request has `return_progress`.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub prompt_progress: Option<PromptProgress>,
}

/// How much of a prompt is computed, in llama.cpp's names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptProgress {
    /// Tokens of the prompt.
    pub total: Tokens,
    /// Those that came from the prefix cache.
    pub cache: Tokens,
    /// Those that are computed, `cache` included.
    pub processed: Tokens,
    /// Milliseconds since the prompt's start.
    pub time_ms: u64,
}

pub type ChatCompletion = Completion<ChatChoice>;
pub type ChatCompletionChunk = Completion<ChunkChoice>;
pub type TextCompletion = Completion<TextChoice>;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChatChoice {
    pub index: u32,
    pub message: AssistantMessage,
    pub finish_reason: Option<FinishReason>,
    pub logprobs: Option<ChatLogprobs>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ChunkChoice {
    pub index: u32,
    pub delta: Delta,
    pub finish_reason: Option<FinishReason>,
    pub logprobs: Option<ChatLogprobs>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TextChoice {
    pub index: u32,
    pub text: String,
    pub finish_reason: Option<FinishReason>,
    pub logprobs: Option<TextLogprobs>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    Stop,
    Length,
    ToolCalls,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    #[default]
    Assistant,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AssistantMessage {
    pub role: Role,
    /// Null in an answer that only calls tools.
    pub content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whaledeck: Option<AnswerExtension>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_calls: Option<Vec<ToolCall>>,
}

/// What a chunk adds to the message.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Delta {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_calls: Option<Vec<ToolCallDelta>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whaledeck: Option<AnswerExtension>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCallDelta {
    pub index: usize,
    /// With the first chunk of a call only, as its type and its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<ToolType>,
    pub function: FunctionDelta,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionDelta {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub arguments: String,
}

/// Serde asks for `Default` of `C` otherwise.
fn none<T>() -> Option<T> {
    None
}

impl ToolCallDelta {
    /// The first chunk of a call.
    pub fn begin(index: usize, id: String, name: String) -> Self {
        let function = FunctionDelta { name: Some(name), arguments: String::new() };
        Self { index, id: Some(id), kind: Some(ToolType::Function), function }
    }

    /// More of the arguments.
    pub fn arguments(index: usize, arguments: String) -> Self {
        Self { index, id: None, kind: None, function: FunctionDelta { name: None, arguments } }
    }
}
