//! A history in memory, for chats that are never written down: they end with the program. Images and
//! documents are files and rows of the history on disk, so its messages have none.
use std::path::Path;

use rusqlite::Connection;

use crate::migrate::migrate;
use crate::schema::MIGRATIONS;
use crate::{History, HistoryError};

/// Begins the id of every temporary chat and of its messages.
const PREFIX: &str = "temporary-";

/// Whether a chat or a message is in memory only.
pub fn is_temporary(id: &str) -> bool {
    id.starts_with(PREFIX)
}

impl History {
    /// An empty history in memory.
    pub fn temporary() -> Result<Self, HistoryError> {
        let mut connection = Connection::open_in_memory()?;
        // Sorting could write a file otherwise.
        connection.execute_batch("PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;")?;
        migrate(&mut connection, Path::new(""), MIGRATIONS)?;
        let mut history = Self::of(connection, Path::new(""));
        history.id_prefix = PREFIX;
        Ok(history)
    }
}
