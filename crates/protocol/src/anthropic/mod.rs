//! Bodies of Anthropic's Messages API as the worker serves it: requests are only read, answers only written.
//! A block is one type with all fields, because a tagged enum would hide which fields are unknown.

mod event;
mod message;
mod request;

pub use event::{BlockDelta, MessageDelta, MessageEvent};
pub use message::{ErrorDetail, InputTokens, Message, MessageUsage, OutputBlock, StopReason};
pub use request::{
    ImageSource, InputBlock, InputContent, InputMessage, MessagesRequest, OutputConfig, OutputFormat,
    Thinking, Tool, ToolChoice,
};
