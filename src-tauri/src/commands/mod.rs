//! Commands, one file per domain. Each calls one use case of `app`; nothing is decided here.
//! Names and doc comments of commands are copied to ui/src/lib/ipc/bindings.ts by `make bindings`.

pub mod chats;
pub mod clipboard;
pub mod clouds;
pub mod connect;
pub mod deployments;
pub mod desktop;
pub mod documents;
pub mod downloads;
pub mod evaluation;
pub mod explain;
pub mod folders;
pub mod hardware;
pub mod models;
pub mod prompts;
pub mod repositories;
pub mod screen;
pub mod settings;
pub mod sharing;
pub mod sizing;
pub mod start;
pub mod tools;
pub mod worker;

use std::sync::Arc;

/// The use cases, as Tauri passes them to a command.
type App<'a> = tauri::State<'a, Arc<app::App>>;
