//! Deletes chats with their messages, images and documents: one, or several in one transaction.
//! A document or image that something else uses stays.
use rusqlite::{Connection, TransactionBehavior};

use crate::documents;
use crate::images::{delete_unused, images_of};
use crate::{History, HistoryError};

impl History {
    /// Deletes the chat and all its messages.
    pub fn chat_delete(&self, id: &str) -> Result<(), HistoryError> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        let shown = delete_rows(&transaction, id)?;
        transaction.commit()?;
        delete_unused(&mut connection, &self.images, &shown)
    }

    /// Deletes these chats and all their messages, or none of them.
    ///
    /// # Errors
    /// `Chat` with the id of the one that cannot be deleted.
    pub fn chats_delete(&self, ids: &[String]) -> Result<(), HistoryError> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let shown = delete_all(&transaction, ids)?;
        transaction.commit()?;
        delete_unused(&mut connection, &self.images, &shown)
    }
}

/// Deletes the rows of these chats. Returns the images that their messages used.
///
/// # Errors
/// `Chat` with the id of the one that cannot be deleted.
pub(crate) fn delete_all(connection: &Connection, ids: &[String]) -> Result<Vec<String>, HistoryError> {
    let mut shown = Vec::new();
    for id in ids {
        let images = delete_rows(connection, id);
        shown.extend(images.map_err(|source| HistoryError::Chat { id: id.clone(), source: source.into() })?);
    }
    Ok(shown)
}

/// Deletes the rows of a chat. Returns the images that its messages used.
fn delete_rows(connection: &Connection, id: &str) -> Result<Vec<String>, HistoryError> {
    let messages: Vec<String> = connection
        .prepare_cached("SELECT id FROM messages WHERE chat_id = ?1")?
        .query_map([id], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let shown = images_of(connection, &messages)?;
    let attached = documents::of_messages(connection, &messages)?;
    // Detached first, because SQLite limits the depth of cascades.
    connection.execute("UPDATE messages SET parent_id = NULL WHERE chat_id = ?1", [id])?;
    if connection.execute("DELETE FROM chats WHERE id = ?1", [id])? == 0 {
        return Err(HistoryError::ChatNotFound(id.to_owned()));
    }
    documents::delete_unused(connection, &attached)?;
    Ok(shown)
}
