//! A model hub on this computer for tests: the protocols of Hugging Face and of ModelScope over any folder, with
//! faults on demand and counters of what was sent. The official Python clients of both accept it. And a cloud service that
//! speaks any dialect of the OpenAI protocol, at any split of its bytes, and misbehaves on demand.
//! It is linked by tests only and knows no crate of the house.

mod cloud;
mod fault;
mod hugging_face;
mod model_scope;
mod repository;
mod server;
mod storage;

pub use cloud::{Answer, Asked, DEEPSEEK, End, TestCloud};
pub use fault::{Fault, Place};
pub use server::{Request, TestHub};
