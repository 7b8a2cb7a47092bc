//! The chat history: trees of messages, their folders and the text of their documents in one SQLite file,
//! images in a folder next to it, and backups of both. It survives a crash of any process.
//!
//! Knows no models, no network and no window. Sampling, errors and statistics are opaque JSON text here.

mod backup;
mod chat_deletion;
mod chat_transfer;
mod chats;
mod clock;
mod documents;
mod error;
mod files;
mod folders;
mod history;
mod images;
mod message_rows;
mod messages;
mod migrate;
mod open;
mod rank;
mod read_only;
mod restore;
mod schema;
mod search;
mod temporary;
mod tool_calls;
mod types;

pub use backup::{Backup, BackupKind, folder as backup_folder, list as backups};
pub use chat_transfer::ImportedMessage;
pub use error::{HistoryError, Storage};
pub use history::History;
pub use messages::FinalAnswer;
pub use rank::rank_passages;
pub use search::words as search_words;
pub use temporary::is_temporary;
pub use tool_calls::NewToolCall;
pub use types::{
    Chat, ChatSettings, Document, DocumentText, Folder, Hit, Image, Message, NewDocument, NewMessage,
    RESULT_BEGINNING, Role, SearchResult, State, Summary, ToolCall,
};
