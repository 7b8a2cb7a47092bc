//! Calls of tools in an answer. A call is written when it is known, and again when its state changes, so that
//! a kill in between loses nothing. The whole result is read apart from its message.
use rusqlite::{Connection, OptionalExtension, params};

use crate::{History, HistoryError, RESULT_BEGINNING, ToolCall};

/// A call to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToolCall {
    pub id: String,
    /// JSON, opaque here.
    pub fields: String,
    pub result: String,
}

impl History {
    /// Adds a call after the others of its message, or replaces the one of the same id.
    pub fn tool_call_put(&self, message_id: &str, call: &NewToolCall) -> Result<(), HistoryError> {
        let connection = self.lock();
        let changed = connection.execute(
            "INSERT INTO tool_calls (message_id, place, id, fields, result)
             SELECT id, (SELECT count(*) FROM tool_calls WHERE message_id = ?1), ?2, ?3, ?4 FROM messages WHERE id = ?1
             ON CONFLICT (message_id, id) DO UPDATE SET fields = excluded.fields, result = excluded.result",
            params![message_id, call.id, call.fields, call.result],
        )?;
        if changed == 0 {
            let (chat_id, id) = (String::new(), message_id.to_owned());
            return Err(HistoryError::MessageNotFound { chat_id, id });
        }
        Ok(())
    }

    /// The whole result of a call in a chat; `None` without the call.
    pub fn tool_call_result(&self, chat_id: &str, id: &str) -> Result<Option<String>, HistoryError> {
        let connection = self.lock();
        let mut query = connection.prepare_cached(
            "SELECT result FROM tool_calls JOIN messages ON messages.id = message_id
             WHERE chat_id = ?1 AND tool_calls.id = ?2 ORDER BY messages.rowid DESC LIMIT 1",
        )?;
        Ok(query.query_row([chat_id, id], |row| row.get(0)).optional()?)
    }
}

pub(crate) fn of_message(connection: &Connection, message_id: &str) -> Result<Vec<ToolCall>, HistoryError> {
    let mut query = connection.prepare_cached(
        "SELECT id, fields, substr(result, 1, ?2), length(result) FROM tool_calls
         WHERE message_id = ?1 ORDER BY place",
    )?;
    let rows = query.query_map(params![message_id, RESULT_BEGINNING], |row| {
        let result_chars: i64 = row.get(3)?;
        Ok(ToolCall {
            id: row.get(0)?,
            fields: row.get(1)?,
            result: row.get(2)?,
            result_chars: u64::try_from(result_chars).unwrap_or(0),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(crate) fn add(
    connection: &Connection,
    message_id: &str,
    calls: &[NewToolCall],
) -> Result<(), HistoryError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO tool_calls (message_id, place, id, fields, result) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for (place, call) in calls.iter().enumerate() {
        insert.execute(params![message_id, place as i64, call.id, call.fields, call.result])?;
    }
    Ok(())
}
