//! From "run X" to a live endpoint. `plan` says what would serve a model on given machines, word for word, `render` writes it
//! for shells, compose, Kubernetes, systemd and ollama, and `run` runs it, here or over ssh; the supervisor starts, watches
//! and stops one worker program of this computer and knows nothing of models. Knows no screen.
mod check;
pub mod plan;
pub mod render;
pub mod run;
mod state;
mod supervisor;

pub use check::check_model;
pub use state::{Failure, State};
pub use supervisor::{OnChange, Share, Worker, WorkerSpec};
