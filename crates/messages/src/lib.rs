//! The sentences of the app in English and Chinese: codes and values come in, text goes out. The sentences
//! are in assets/messages, one file per subject, which the window reads too. Knows no file, no network and
//! no host.

mod amounts;
mod catalogue;
mod cli;
mod errors;
mod lang;
mod models;
mod plans;
mod prompts;
mod sizing;
mod template;

pub use amounts::{bytes, grouped, pages, rate, size, with_article};
pub use cli::CliMessage;
pub use errors::{ErrorMessage, error_message, terminal_text};
pub use lang::Lang;
pub use models::{
    fit_reason, from_repository, idle_gpus, known_from_repository, known_own_file, own_file, recommendation,
    recommended_preset, settings_too_large, upgrade,
};
pub use plans::plan_message;
pub use prompts::{ExamplePrompt, example_prompts};
pub use sizing::{SizingLabel, card_count, rounded_tokens, sizing_conversations};
