//! Conversations as a tree of messages in one SQLite file: what was said survives a crash of anything else.
//!
//! Knows no models, no network and no window. Sampling, errors and statistics are opaque JSON text here; who writes
//! them also reads them.

mod chats;
mod error;
mod messages;
mod open;
mod types;

pub use error::HistoryError;
pub use messages::Ending;
pub use open::History;
pub use types::{Chat, ChatSettings, Message, NewMessage, Role, State, Summary};
