//! Bodies of the OpenAI API as the worker serves it and the client reads it. Fields that only the worker has
//! are in `extension`; fields of other engines that are accepted as a second spelling are noted where they
//! are declared.

mod chat_request;
mod completion_request;
mod error_body;
mod logprobs;
mod message;
mod model_list;
mod response;
mod sampling_params;
mod usage;

pub use chat_request::{ChatCompletionRequest, ResponseFormat, ThinkingParam};
pub use completion_request::{CompletionRequest, Prompt};
pub use error_body::{ErrorBody, ErrorDetail};
pub use logprobs::{ChatLogprobs, TextLogprobs, TokenLogprob, TopLogprob};
pub use message::{
    Arguments, ChatMessage, ContentPart, FunctionCall, ImageUrl, MessageContent, ToolCall, ToolType,
};
pub use model_list::{ModelList, ModelObject};
pub use response::{
    AssistantMessage, ChatChoice, ChatCompletion, ChatCompletionChunk, ChunkChoice, Completion, Delta,
    FinishReason, FunctionDelta, PromptProgress, Role, TextChoice, TextCompletion, ToolCallDelta,
};
pub use sampling_params::{SamplingParams, Stop, StreamOptions};
pub use usage::{CompletionTokensDetails, PromptTokensDetails, Usage};
