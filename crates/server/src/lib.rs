//! The server on the engine with the APIs of OpenAI and Anthropic, and the program `whaledeck-engine`.
//!
//! Knows nothing of Tauri or of `app`. It prints JSON lines for its parent process and answers HTTP requests
//! that have its key.

mod access_log;
pub mod args;
mod auth;
mod bench;
mod card_budget;
mod chat;
mod completion;
mod cors;
mod error;
mod explain;
mod extract;
mod generation;
mod heap;
mod host_check;
mod images;
mod inspect;
mod lifecycle;
mod memory;
mod messages;
mod metrics;
mod model;
mod output;
mod place;
mod places;
mod request;
mod response;
mod response_format;
mod responses;
mod router;
mod routing;
mod sampling_params;
mod serve;
mod state;
mod text_pipeline;
mod thinking;
mod tokenize;
mod usage;
mod worker_line;

pub use bench::bench;
pub use bench::cache_quality::cache_quality;
pub use extract::extract;
pub use inspect::inspect;
pub use places::places;
pub use serve::serve;
