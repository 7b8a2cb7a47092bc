//! The desktop host: a window around `app`. It offers the use cases to the web page as commands and sends it
//! their events. It knows nothing of models, files or HTTP, and never links the engine.

mod again;
pub mod bindings;
mod clipboard;
mod command_line;
mod commands;
mod desktop;
mod display;
mod host;
mod run;
pub mod screen;
mod web_process;

pub use run::run;
