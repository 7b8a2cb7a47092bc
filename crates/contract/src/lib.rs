//! Every type that crosses from `app` to a host (desktop, CLI, tests), and nothing else.
//!
//! Of the workspace only `protocol` is imported, for the error codes that the worker shares. `app` converts
//! the domain types to these types, so that a change inside a domain never changes the UI by accident. Byte
//! counts are `f64`, because TypeScript has no 64-bit integer; every value is far below 2^53.

mod catalog;
mod chat;
mod cloud;
mod compare;
mod connect;
mod deployment;
mod desktop;
mod document;
mod download;
mod error;
mod evaluation;
mod event;
mod explain;
mod folder;
mod hardware;
mod model_settings;
mod picture;
mod plan;
mod prompt;
mod repository;
mod screen;
mod settings;
mod sharing;
mod sizing;
mod start;
mod tool;
mod worker;

pub use catalog::*;
pub use chat::*;
pub use cloud::*;
pub use compare::*;
pub use connect::*;
pub use deployment::*;
pub use desktop::*;
pub use document::*;
pub use download::*;
pub use error::*;
pub use evaluation::*;
pub use event::*;
pub use explain::*;
pub use folder::*;
pub use hardware::*;
pub use model_settings::*;
pub use picture::*;
pub use plan::*;
pub use prompt::*;
pub use protocol::{DocumentKind, ModelRef};
pub use repository::*;
pub use screen::*;
pub use settings::*;
pub use sharing::*;
pub use sizing::*;
pub use start::*;
pub use tool::*;
pub use worker::*;
