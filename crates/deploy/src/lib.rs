//! From "run X" to a live endpoint. `plan` says what would serve a model on given machines, word for word, and `render`
//! writes it for shells, compose, Kubernetes, systemd and ollama; the supervisor starts, watches and stops one worker
//! program of this computer and knows nothing of models. Knows no screen.
pub mod plan;
pub mod render;
mod state;
mod supervisor;

pub use state::{Failure, State};
pub use supervisor::{OnChange, Worker, WorkerSpec};
