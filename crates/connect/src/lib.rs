//! Writes the settings of other programs so that they use this server, shows the difference first, and takes
//! back exactly what it wrote. Knows paths, files and text: no app, no window, no contract, and no sentence
//! shown to people but those of its errors. What a person has to do by hand comes as [`Step`]s without words.

mod change;
mod diff;
mod entry;
mod error;
mod file;
mod format;
mod places;
mod plan;
mod program;
mod programs;
mod record;
mod server;
mod steps;
mod tree;
mod undo;
mod value;

pub use change::FileChange;
pub use diff::{DiffLine, LineKind};
pub use error::ConnectError;
pub use places::Places;
pub use plan::{Connected, Plan, connected, plan};
pub use program::Program;
pub use server::Server;
pub use steps::{Field, Step, Steps, Way};
pub use undo::{Undone, undo};
