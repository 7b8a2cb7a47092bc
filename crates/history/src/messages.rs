//! Messages: add, append while streaming, finish, read. An added message becomes the selected leaf of its
//! chat.
use rusqlite::{OptionalExtension, params};

use crate::chats::select_leaf;
use crate::clock::now;
use crate::documents;
use crate::images::{delete_unused, images_of};
use crate::message_rows::{belongs, not_found, path_to, read};
use crate::{History, HistoryError, Message, NewMessage, State};

/// The final content and state of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct FinalAnswer<'a> {
    pub text: &'a str,
    pub reasoning: &'a str,
    pub thinking_ms: Option<u32>,
    pub state: State,
    /// JSON, opaque here.
    pub error: Option<&'a str>,
    /// JSON, opaque here.
    pub stats: Option<&'a str>,
    /// JSON, opaque here.
    pub boxes: Option<&'a str>,
}

impl History {
    pub fn message_add(&self, new: &NewMessage<'_>) -> Result<Message, HistoryError> {
        let id = self.new_id();
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        let created_at = now();
        let changed = transaction.execute(
            "UPDATE chats SET leaf_id = ?2, updated_at = ?3 WHERE id = ?1",
            params![new.chat_id, id, created_at],
        )?;
        if changed == 0 {
            return Err(HistoryError::ChatNotFound(new.chat_id.to_owned()));
        }
        if let Some(parent) = new.parent_id {
            belongs(&transaction, new.chat_id, parent)?;
        }
        transaction.execute(
            "INSERT INTO messages (id, chat_id, parent_id, role, text, state, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![id, new.chat_id, new.parent_id, new.role.key(), new.text, new.state.key(), created_at],
        )?;
        crate::images::attach(&transaction, &self.images, &id, new.images)?;
        documents::attach(&transaction, &id, new.documents)?;
        transaction.commit()?;
        read(&connection, &id)
    }

    /// Appends new text to a streaming message.
    pub fn append_partial(&self, id: &str, text: &str, reasoning: &str) -> Result<(), HistoryError> {
        let connection = self.lock();
        let mut update = connection.prepare_cached(
            "UPDATE messages SET text = text || ?2, reasoning = reasoning || ?3 WHERE id = ?1",
        )?;
        found(update.execute([id, text, reasoning])?, id)
    }

    /// Finishes an answer. It writes the full text, so an earlier partial write cannot leave a gap.
    pub fn message_end(&self, id: &str, end: &FinalAnswer<'_>) -> Result<Message, HistoryError> {
        let connection = self.lock();
        let changed = connection.execute(
            "UPDATE messages SET text = ?2, reasoning = ?3, state = ?4, error = ?5, stats = ?6, thinking_ms = ?7, boxes = ?8
             WHERE id = ?1",
            params![
                id,
                end.text,
                end.reasoning,
                end.state.key(),
                end.error,
                end.stats,
                end.thinking_ms,
                end.boxes
            ],
        )?;
        found(changed, id)?;
        connection.execute(
            "UPDATE chats SET updated_at = ?2 WHERE id = (SELECT chat_id FROM messages WHERE id = ?1)",
            [id, &now()],
        )?;
        read(&connection, id)
    }

    /// Reopens an answer to continue it. It becomes the selected leaf of its chat.
    ///
    /// # Errors
    /// `NotContinuable` if it is not an answer, is complete, or has replies.
    pub fn message_reopen(&self, chat_id: &str, id: &str) -> Result<Message, HistoryError> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        belongs(&transaction, chat_id, id)?;
        let changed = transaction.execute(
            "UPDATE messages SET state = 'streaming', error = NULL
             WHERE id = ?1 AND role = 'assistant' AND state IN ('stopped', 'length', 'interrupted')
               AND NOT EXISTS (SELECT 1 FROM messages AS later WHERE later.parent_id = ?1)",
            [id],
        )?;
        if changed == 0 {
            return Err(HistoryError::NotContinuable(id.to_owned()));
        }
        transaction.execute(
            "UPDATE chats SET leaf_id = ?2, updated_at = ?3 WHERE id = ?1",
            params![chat_id, id, now()],
        )?;
        transaction.commit()?;
        read(&connection, id)
    }

    /// Deletes a message and its descendants. If the selected leaf was among them, the latest sibling is
    /// selected, or the parent.
    pub fn message_delete(&self, chat_id: &str, id: &str) -> Result<(), HistoryError> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        belongs(&transaction, chat_id, id)?;
        let parent: Option<String> =
            transaction.query_row("SELECT parent_id FROM messages WHERE id = ?1", [id], |row| row.get(0))?;
        // Detached first, because SQLite limits the depth of cascades. A foreign key clears a deleted leaf.
        let below: Vec<String> = transaction
            .prepare_cached(
                "WITH RECURSIVE down (below) AS (
                    SELECT ?1 UNION ALL SELECT id FROM messages JOIN down ON parent_id = below
                 )
                 SELECT below FROM down",
            )?
            .query_map([id], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let shown = images_of(&transaction, &below)?;
        let attached = documents::of_messages(&transaction, &below)?;
        for statement in
            ["UPDATE messages SET parent_id = NULL WHERE id = ?1", "DELETE FROM messages WHERE id = ?1"]
        {
            let mut each = transaction.prepare_cached(statement)?;
            below.iter().try_for_each(|id| each.execute([id]).map(drop))?;
        }
        let leaf: Option<String> =
            transaction.query_row("SELECT leaf_id FROM chats WHERE id = ?1", [chat_id], |row| row.get(0))?;
        if leaf.is_none() {
            let beside: Option<String> = transaction
                .query_row(
                    "SELECT id FROM messages WHERE chat_id = ?1 AND parent_id IS ?2 ORDER BY rowid DESC LIMIT 1",
                    params![chat_id, parent],
                    |row| row.get(0),
                )
                .optional()?;
            if let Some(shown) = beside.or(parent) {
                select_leaf(&transaction, chat_id, &shown)?;
            }
        }
        documents::delete_unused(&transaction, &attached)?;
        transaction.commit()?;
        delete_unused(&mut connection, &self.images, &shown)
    }

    /// Sets the passages that an answer was given. JSON, opaque here.
    pub fn message_passages(&self, id: &str, passages: &str) -> Result<(), HistoryError> {
        let changed =
            self.lock().execute("UPDATE messages SET passages = ?2 WHERE id = ?1", [id, passages])?;
        found(changed, id)
    }

    pub fn message(&self, id: &str) -> Result<Message, HistoryError> {
        read(&self.lock(), id)
    }

    /// As [`History::path`], from the first message of the model's context.
    pub fn context_path(&self, id: &str) -> Result<Vec<Message>, HistoryError> {
        let connection = self.lock();
        let mut path = path_to(&connection, id)?;
        let Some(chat_id) = path.first().map(|message| message.chat_id.clone()) else { return Ok(path) };
        let start: Option<String> =
            connection
                .query_row("SELECT context_start FROM chats WHERE id = ?1", [chat_id], |row| row.get(0))?;
        // A start on another branch does not apply to this one.
        if let Some(at) = start.and_then(|start| path.iter().position(|message| message.id == start)) {
            path.drain(..at);
        }
        Ok(path)
    }

    /// The messages from the root to this one, oldest first.
    pub fn path(&self, id: &str) -> Result<Vec<Message>, HistoryError> {
        path_to(&self.lock(), id)
    }
}

fn found(changed: usize, id: &str) -> Result<(), HistoryError> {
    if changed == 0 { Err(not_found("", id)) } else { Ok(()) }
}
