//! Client for any OpenAI-compatible server: our worker, another engine, a cloud.
//!
//! Knows nothing of Tauri or of our engine; what only our worker says travels in an extension field others lack.

mod client;
mod error;
mod wire;

pub use client::{ChatStream, Endpoint, Health};
pub use error::EndpointError;
pub use wire::{ChatDelta, ChatRequest, Message, Usage};
