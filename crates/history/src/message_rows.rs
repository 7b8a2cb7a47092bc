//! Reads messages from the database: one, or the path to it. Chats and messages both do.
//! It changes nothing.
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::documents;
use crate::images::with_images;
use crate::tool_calls;
use crate::{HistoryError, Message, Role, State};

pub(crate) const MESSAGE_COLUMNS: &str = "id, chat_id, parent_id, role, text, reasoning, state, error, stats, created_at, thinking_ms, boxes, passages";

pub(crate) fn not_found(chat_id: &str, id: &str) -> HistoryError {
    HistoryError::MessageNotFound { chat_id: chat_id.to_owned(), id: id.to_owned() }
}

pub(crate) fn belongs(connection: &Connection, chat_id: &str, id: &str) -> Result<(), HistoryError> {
    let there = connection
        .query_row("SELECT 1 FROM messages WHERE id = ?2 AND chat_id = ?1", [chat_id, id], |_| Ok(()))
        .optional()?;
    there.ok_or_else(|| not_found(chat_id, id))
}

pub(crate) fn read(connection: &Connection, id: &str) -> Result<Message, HistoryError> {
    let mut query =
        connection.prepare_cached(&format!("SELECT {MESSAGE_COLUMNS} FROM messages WHERE id = ?1"))?;
    let found = query.query_row([id], message).optional()?.ok_or_else(|| not_found("", id))?;
    with_attachments(connection, with_siblings(connection, found)?)
}

/// With its images, documents and calls.
pub(crate) fn with_attachments(connection: &Connection, message: Message) -> Result<Message, HistoryError> {
    let mut message = with_images(connection, message)?;
    message.documents = documents::of_message(connection, &message.id)?;
    message.calls = tool_calls::of_message(connection, &message.id)?;
    Ok(message)
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
        passages: row.get(12)?,
        images: Vec::new(),
        documents: Vec::new(),
        calls: Vec::new(),
        siblings: Vec::new(),
    })
}

fn with_siblings(connection: &Connection, mut message: Message) -> Result<Message, HistoryError> {
    let mut query = connection
        .prepare_cached("SELECT id FROM messages WHERE chat_id = ?1 AND parent_id IS ?2 ORDER BY rowid")?;
    let rows = query.query_map(params![message.chat_id, message.parent_id], |row| row.get(0))?;
    message.siblings = rows.collect::<Result<_, _>>()?;
    Ok(message)
}

/// The messages from the root to this one, oldest first.
pub(crate) fn path_to(connection: &Connection, id: &str) -> Result<Vec<Message>, HistoryError> {
    let mut query = connection.prepare_cached(&format!(
        "WITH RECURSIVE up (up_id, up_parent, depth) AS (
            SELECT id, parent_id, 0 FROM messages WHERE id = ?1
            UNION ALL
            SELECT messages.id, messages.parent_id, depth + 1 FROM messages JOIN up ON messages.id = up_parent
         )
         SELECT {MESSAGE_COLUMNS} FROM messages JOIN up ON id = up_id ORDER BY depth DESC"
    ))?;
    let path: Vec<Message> = query.query_map([id], message)?.collect::<Result<_, _>>()?;
    path.into_iter()
        .map(|message| with_attachments(connection, with_siblings(connection, message)?))
        .collect()
}
