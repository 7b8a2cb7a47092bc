//! Every use case as a plain async function; the only crate that sees every domain. Hosts call these and show the
//! views of the contract. Knows no window, no terminal and no web view.

mod answers;
mod ask;
mod backups;
mod chats;
mod chats_file;
mod cloud;
mod compare;
mod convert;
mod copies;
mod deployments;
mod downloads;
mod files;
mod follow;
mod hardware;
mod host;
mod imports;
pub mod lang;
mod list_file;
mod models;
mod open;
mod paths;
mod pictures;
mod plan_words;
mod plans;
mod precisions;
mod recorder;
mod reply;
mod rights;
mod save;
mod settings;
mod sharing;
mod sizing;
pub mod words;
mod worker;

pub use ask::OnAnswer;
pub use cloud::Keeping;
pub use compare::OnCompare;
pub use host::Host;
pub use open::App;
pub(crate) use open::SETTINGS_FILE;
pub use paths::{Paths, find_paths};
pub use plan_words::plan_words;
pub use plans::{cards_csv, plan_for};
pub use save::save_text;
pub use sizing::sizing_wanted;
