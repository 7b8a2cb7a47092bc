//! Servers and files for tests: a model hub with the protocols of Hugging Face and of ModelScope, with faults
//! and counters of sent bytes, which the official Python clients of both accept; a cloud service in any
//! dialect of the OpenAI protocol; a proxy; TLS with an unknown certificate authority; GGUF files to modify;
//! a model with scripted answers; a driver without a card. Linked by tests only; uses no other crate of the
//! workspace.

mod cloud;
mod driver_stub;
mod fault;
mod gguf;
mod hugging_face;
mod model_scope;
mod proxy;
mod published;
mod repository;
mod script_model;
mod script_tokens;
mod server;
mod state;
mod storage;
mod tls;
mod tool_caller;

pub use cloud::{CloudRequest, CloudResponse, DEEPSEEK, StreamEnd, TRANSFORMERS, TestCloud};
pub use driver_stub::driver_stub;
pub use fault::{Fault, FaultTarget};
pub use gguf::{GgufTensor, TestGguf};
pub use proxy::{ProxyAuth, TestProxy};
pub use published::{EIGHT_PRECISIONS, GATE_TOKEN, GATED, R1_SHARDS, WRONG_HASH};
pub use script_model::{PLAIN_TEMPLATE, ScriptModel, script_model};
pub use script_tokens::UNNAMED;
pub use server::TestHub;
pub use state::FileRequest;
pub use tls::{AUTHORITY, TestTls};
