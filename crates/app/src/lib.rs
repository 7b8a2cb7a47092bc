//! The use cases as async methods of [`App`]; the only crate that depends on every domain. Hosts call them
//! and show the views of the contract. Knows no window, no terminal and no web view.

mod answer;
mod app;
mod backups;
mod blocking;
mod chat_export;
mod chat_markdown;
mod chats;
mod chats_file;
mod cloud;
mod compare;
mod connect;
mod context;
mod convert;
mod deployments;
mod documents;
mod downloads;
mod evaluation;
mod explain;
mod hardware;
mod host;
mod images;
mod imports;
mod list_file;
mod model_ref;
mod model_settings;
mod models;
mod open;
mod other_programs;
mod paths;
mod permissions;
mod plans;
mod precisions;
mod repositories;
mod save;
mod settings;
mod sharing;
mod sizing;
mod snippet;
mod start;
#[cfg(test)]
mod test_app;
mod token_estimate;
mod tools;
mod worker;

pub use answer::OnAnswer;
pub use app::App;
pub use compare::OnCompare;
pub use evaluation::OnEvaluation;
pub use host::Host;
pub use paths::{Paths, find_paths};
pub use plans::{cards_csv, plan_for};
pub use save::save_text;
pub use secrets::SecretBackend;
