//! Every type that crosses from `app` to a host (desktop, CLI, tests), and nothing else.
//!
//! Of the workspace only `protocol` is imported, for what the worker shares (error codes): `app` makes these twins by hand from the domain types, so a change inside a
//! domain never changes what the UI sees by accident. Byte counts are `f64` because TypeScript has no 64-bit
//! integer; every value stays far below 2^53.

mod catalog;
mod chat;
mod cloud;
mod compare;
mod deployment;
mod download;
mod error;
mod event;
mod hardware;
mod picture;
mod plan;
mod screen;
mod settings;
mod sharing;
mod sizing;
mod start;
mod worker;

pub use catalog::*;
pub use chat::*;
pub use cloud::*;
pub use compare::*;
pub use deployment::*;
pub use download::*;
pub use error::*;
pub use event::*;
pub use hardware::*;
pub use picture::*;
pub use plan::*;
pub use protocol::ModelRef;
pub use screen::*;
pub use settings::*;
pub use sharing::*;
pub use sizing::*;
pub use start::*;
pub use worker::*;
