//! Messages: add, append while streaming, finish, read. An added message becomes the selected leaf of its
//! chat.
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::chats::{now, path_to, select_leaf};
use crate::images::{delete_unused, images_of, with_images};
use crate::{History, HistoryError, Message, NewMessage, Role, State};

pub(crate) const MESSAGE_COLUMNS: &str =
    "id, chat_id, parent_id, role, text, reasoning, state, error, stats, created_at, thinking_ms, boxes";

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
        let id = uuid::Uuid::now_v7().to_string();
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
        transaction.commit()?;
        delete_unused(&mut connection, &self.images, &shown)
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

fn not_found(chat_id: &str, id: &str) -> HistoryError {
    HistoryError::MessageNotFound { chat_id: chat_id.to_owned(), id: id.to_owned() }
}

pub(crate) fn belongs(connection: &Connection, chat_id: &str, id: &str) -> Result<(), HistoryError> {
    let there = connection
        .query_row("SELECT 1 FROM messages WHERE id = ?2 AND chat_id = ?1", [chat_id, id], |_| Ok(()))
        .optional()?;
    there.ok_or_else(|| not_found(chat_id, id))
}

fn read(connection: &Connection, id: &str) -> Result<Message, HistoryError> {
    let mut query =
        connection.prepare_cached(&format!("SELECT {MESSAGE_COLUMNS} FROM messages WHERE id = ?1"))?;
    let found = query.query_row([id], message).optional()?.ok_or_else(|| not_found("", id))?;
    with_images(connection, with_siblings(connection, found)?)
}

pub(crate) fn message(row: &Row<'_>) -> rusqlite::Result<Message> {
    let odd = |column: usize, found: &str| {
        let message = format!("`{found}` is not a known value");
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, message.into())
    };
    let role: String = row.get(3)?;
    let state: String = row.get(6)?;
    Ok(Message {
        id: row.get(0)?,
        chat_id: row.get(1)?,
        parent_id: row.get(2)?,
        role: Role::from_key(&role).ok_or_else(|| odd(3, &role))?,
        text: row.get(4)?,
        reasoning: row.get(5)?,
        state: State::from_key(&state).ok_or_else(|| odd(6, &state))?,
        error: row.get(7)?,
        stats: row.get(8)?,
        created_at: row.get(9)?,
        thinking_ms: row.get(10)?,
        boxes: row.get(11)?,
        images: Vec::new(),
        siblings: Vec::new(),
    })
}

pub(crate) fn with_siblings(connection: &Connection, mut message: Message) -> Result<Message, HistoryError> {
    let mut query = connection
        .prepare_cached("SELECT id FROM messages WHERE chat_id = ?1 AND parent_id IS ?2 ORDER BY rowid")?;
    let rows = query.query_map(params![message.chat_id, message.parent_id], |row| row.get(0))?;
    message.siblings = rows.collect::<Result<_, _>>()?;
    Ok(message)
}
