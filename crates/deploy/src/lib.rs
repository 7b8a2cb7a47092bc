//! From "run X" to a live endpoint. `plan` computes the command lines that serve a model on given hosts,
//! `render` writes them for shells, compose, Kubernetes, systemd and ollama, `remote` runs them on this host
//! or over ssh, and `worker` starts, watches and stops one worker program on this host. Knows no user
//! interface.
mod failure;
pub mod plan;
pub mod remote;
pub mod render;
mod worker;

pub use failure::Failure;
pub use worker::{ApiAccess, OnChange, State, Worker, WorkerSpec, check_model};
