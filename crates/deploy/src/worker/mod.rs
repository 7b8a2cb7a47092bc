//! The worker process on localhost: checked, started, watched and stopped. Knows nothing of models, hosts or
//! engines of others.
mod check;
mod document;
mod process;
mod run;
mod state;

pub use check::{CheckedModel, check_model};
pub use document::{document_page, extract_document};
pub use process::{OnChange, Worker, WorkerSpec};
pub use state::State;
