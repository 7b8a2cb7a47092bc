//! The OpenAI-compatible face of the engine, and the program `whaledeck-engine`.
//!
//! Knows nothing of Tauri or of `app`. It speaks JSON lines to whoever started it and HTTP to whoever has its key.

#[macro_use]
extern crate stdio;

mod answer;
pub mod args;
mod bench;
mod body;
mod cache_quality;
mod chat;
mod completion;
mod door;
mod error;
mod fields;
mod grammar;
mod hosts;
mod inspect;
mod line;
mod loaded;
mod looking;
mod memory;
mod message;
mod options;
mod other_fields;
mod parent;
mod pictures;
mod plan;
mod reply;
mod request;
mod request_log;
mod router;
mod routing;
mod serve;
mod sources;
mod subject;
mod text_pipeline;
mod thinking;
mod tokenize;

pub use bench::bench;
pub use cache_quality::cache_quality;
pub use inspect::inspect;
pub use serve::serve;

/// Ends a program that measured something: the figures, or why there are none.
fn report(measured: Result<serde_json::Value, String>) -> std::process::ExitCode {
    match measured {
        Ok(report) => {
            println!("{report:#}");
            std::process::ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("failed to {error}");
            std::process::ExitCode::FAILURE
        }
    }
}
