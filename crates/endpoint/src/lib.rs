//! Client for any OpenAI-compatible server: our worker, another engine, a cloud service.
//!
//! Knows nothing of Tauri or of our engine. What only our worker sends is in an extension field that others
//! lack.

mod address;
mod bounds;
mod client;
mod error;
mod failure;
mod provider;
mod think;
mod wire;

pub use address::{Address, AddressError};
pub use client::{ChatStream, Endpoint, Health, on_this_computer};
pub use error::{EndpointError, Step};
pub use protocol::openai::{Arguments, ChatMessage, FunctionCall, MessageContent, ToolCall, Usage};
pub use protocol::{ExpertLayers, Grounding, TokenTrace, VisionProgress};
pub use provider::{Auth, Continuation, Dialect, OptionalParam, Provider, provider, providers};
pub use wire::{CallDelta, ChatDelta, ChatRequest};
