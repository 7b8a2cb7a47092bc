//! Conversations as a tree of messages in one SQLite file, their pictures in a folder beside it: what was said and shown
//! survives a crash of anything else. Backups of both are in another folder there.
//!
//! Knows no models, no network and no window. Sampling, errors and statistics are opaque JSON text here; who writes
//! them also reads them.

mod backup;
mod chats;
mod copy;
mod error;
mod messages;
mod open;
mod pictures;
pub mod private;
mod read_only;
mod restore;
mod schema;
mod search;
mod types;

pub use backup::{Backup, BackupKind, folder as backup_folder, list as backups};
pub use copy::Copied;
pub use error::{HistoryError, Storage};
pub use messages::Ending;
pub use open::History;
pub use search::words as search_words;
pub use types::{Chat, ChatSettings, Found, Hit, Message, NewMessage, Picture, Role, State, Summary};
