//! The worker process on localhost: checked, started, watched and stopped. Knows nothing of models, hosts or
//! engines of others.
mod check;
mod process;
mod state;

pub use check::{CheckedModel, check_model};
pub use process::{OnChange, Worker, WorkerSpec};
pub use state::State;
