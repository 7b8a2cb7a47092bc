//! Export and import of complete chats with all branches.
//! It knows no file format: `app` reads and writes the file, and stores the images before an import.
use rusqlite::params;

use crate::clock::now;
use crate::documents;
use crate::images::attach;
use crate::message_rows::{MESSAGE_COLUMNS, message, with_attachments};
use crate::tool_calls;
use crate::{Chat, ChatSettings, History, HistoryError, Message, NewToolCall, Role, State};

/// A message of a chat to import.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportedMessage<'a> {
    /// Index of an earlier message of the list.
    pub parent: Option<usize>,
    pub role: Role,
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
    /// JSON, opaque here.
    pub passages: Option<&'a str>,
    /// RFC 3339.
    pub created_at: &'a str,
    /// Hashes of stored images.
    pub images: &'a [String],
    /// Hashes of stored documents.
    pub documents: &'a [String],
    pub calls: &'a [NewToolCall],
}

impl History {
    /// All messages of a chat, parents first; without siblings.
    pub fn messages(&self, chat_id: &str) -> Result<Vec<Message>, HistoryError> {
        let connection = self.lock();
        let mut query = connection.prepare_cached(&format!(
            "SELECT {MESSAGE_COLUMNS} FROM messages WHERE chat_id = ?1 ORDER BY rowid"
        ))?;
        let all: Vec<Message> = query.query_map([chat_id], message)?.collect::<Result<_, _>>()?;
        all.into_iter().map(|one| with_attachments(&connection, one)).collect()
    }

    /// Imports a complete chat in one transaction. `leaf` is the index of the selected leaf. An answer in
    /// state `Streaming` becomes `Interrupted`.
    pub fn chat_import(
        &self,
        title: &str,
        settings: &ChatSettings,
        messages: &[ImportedMessage<'_>],
        leaf: Option<usize>,
    ) -> Result<Chat, HistoryError> {
        let id = self.new_id();
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        transaction.execute(
            "INSERT INTO chats (id, title, model_id, preset_id, sampling, system_prompt, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)",
            params![
                id,
                title,
                settings.model_id,
                settings.preset_id,
                settings.sampling,
                settings.system_prompt,
                now()
            ],
        )?;
        let mut ids: Vec<String> = Vec::with_capacity(messages.len());
        for one in messages {
            let own = self.new_id();
            let parent = one.parent.map(|at| {
                ids.get(at)
                    .ok_or_else(|| HistoryError::MessageNotFound { chat_id: id.clone(), id: at.to_string() })
            });
            let parent = parent.transpose()?;
            let state = if one.state == State::Streaming { State::Interrupted } else { one.state };
            transaction.execute(
                "INSERT INTO messages (id, chat_id, parent_id, role, text, reasoning, thinking_ms, state, error, stats, boxes, created_at, passages)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
                params![
                    own,
                    id,
                    parent,
                    one.role.key(),
                    one.text,
                    one.reasoning,
                    one.thinking_ms,
                    state.key(),
                    one.error,
                    one.stats,
                    one.boxes,
                    one.created_at,
                    one.passages
                ],
            )?;
            attach(&transaction, &self.images, &own, one.images)?;
            documents::attach(&transaction, &own, one.documents)?;
            tool_calls::add(&transaction, &own, one.calls)?;
            ids.push(own);
        }
        let leaf = leaf.and_then(|at| ids.get(at)).or(ids.last());
        transaction.execute("UPDATE chats SET leaf_id = ?2 WHERE id = ?1", params![id, leaf])?;
        transaction.commit()?;
        drop(connection);
        self.chat(&id)
    }
}
