//! Starts, watches and stops one worker program. Knows nothing of models, hardware, the catalogue or the
//! screen that shows the state.
mod state;
mod supervisor;

pub use state::{Failure, State};
pub use supervisor::{OnChange, Worker, WorkerSpec};
