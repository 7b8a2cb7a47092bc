//! From a plan to a live endpoint. `remote` runs the engine of a plan on this host or over ssh, and `worker`
//! starts, watches and stops one worker program on this host. The crate `plan` computes what to run. Knows
//! no user interface.
mod failure;
pub mod remote;
mod worker;

pub use failure::Failure;
pub use worker::{
    CheckedModel, OnChange, State, Worker, WorkerSpec, check_model, document_page, extract_document,
};
