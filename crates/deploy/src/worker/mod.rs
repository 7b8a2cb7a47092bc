//! The worker program of this computer: started, watched and stopped. Knows nothing of models.
mod check;
mod process;
mod state;

pub use check::check_model;
pub use process::{OnChange, Share, Worker, WorkerSpec};
pub use state::{Failure, State};
