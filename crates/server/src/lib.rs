//! The OpenAI-compatible face of the engine, and the program `whaledeck-engine`.
//!
//! Knows nothing of Tauri or of `app`. It speaks JSON lines to whoever started it and HTTP to whoever has its key.

mod answer;
pub mod args;
mod bench;
mod chat;
mod completion;
mod error;
mod grammar;
mod inspect;
mod line;
mod loaded;
mod memory;
mod options;
mod parent;
mod pictures;
mod plan;
mod reply;
mod request;
mod router;
mod routing;
mod serve;

pub use bench::bench;
pub use inspect::inspect;
pub use serve::serve;
