//! Client for any OpenAI-compatible server: our worker, another engine, a cloud.
//!
//! Knows nothing of Tauri or of our engine; what only our worker says travels in an extension field others lack.

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
pub use provider::{Auth, Continues, Dialect, Extra, Provider, provider, providers};
pub use wire::{Boxes, ChatDelta, ChatRequest, Content, ImageUrl, Looking, Message, Part, Usage};
