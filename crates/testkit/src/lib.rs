//! A model hub on this computer for tests: the protocols of Hugging Face and of ModelScope over any folder, with
//! faults on demand and counters of what was sent. The official Python clients of both accept it. And a cloud service that
//! speaks any dialect of the OpenAI protocol, at any split of its bytes, and misbehaves on demand. And a
//! proxy, and TLS of an authority that no system knows, to stand before either. And GGUF files that can be changed.
//! And a model whose answers are written beforehand.
//! It is linked by tests only and knows no crate of the house.

mod cloud;
mod fault;
mod gguf;
mod hugging_face;
mod model_scope;
mod proxy;
mod repository;
mod script_model;
mod script_tokens;
mod server;
mod storage;
mod tls;

pub use cloud::{Answer, Asked, DEEPSEEK, End, TRANSFORMERS, TestCloud};
pub use fault::{Fault, Place};
pub use gguf::{GgufTensor, TestGguf};
pub use proxy::{Manner, TestProxy};
pub use script_model::{PLAIN_TEMPLATE, ScriptModel, script_model};
pub use script_tokens::UNNAMED;
pub use server::{Request, TestHub};
pub use tls::{AUTHORITY, TestTls};
