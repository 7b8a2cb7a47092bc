//! Whole chats, out and in: every branch, for a file that another computer can read. Knows no file format.
use rusqlite::params;

use crate::chats::now;
use crate::messages::{MESSAGE_COLUMNS, message};
use crate::pictures::{show, with_pictures};
use crate::{Chat, ChatSettings, History, HistoryError, Message, Role, State};

/// A message of a chat that comes in.
#[derive(Debug, Clone, PartialEq)]
pub struct Copied<'a> {
    /// Of the messages before this one.
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
    /// RFC 3339.
    pub created_at: &'a str,
    /// Hashes of pictures that were added.
    pub pictures: &'a [String],
}

impl History {
    /// Every message of a chat, of all branches, each after the one it answers; without siblings.
    pub fn messages(&self, chat_id: &str) -> Result<Vec<Message>, HistoryError> {
        let connection = self.lock();
        let mut query = connection.prepare_cached(&format!(
            "SELECT {MESSAGE_COLUMNS} FROM messages WHERE chat_id = ?1 ORDER BY rowid"
        ))?;
        let all: Vec<Message> = query.query_map([chat_id], message)?.collect::<Result<_, _>>()?;
        all.into_iter().map(|one| with_pictures(&connection, one)).collect()
    }

    /// Adds a whole chat, or nothing. `leaf` is the message whose branch is on show. An answer that was being written when
    /// the copy was made is an interrupted one here.
    pub fn chat_copy_in(
        &self,
        title: &str,
        settings: &ChatSettings,
        messages: &[Copied<'_>],
        leaf: Option<usize>,
    ) -> Result<Chat, HistoryError> {
        let id = uuid::Uuid::now_v7().to_string();
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
            let own = uuid::Uuid::now_v7().to_string();
            let parent = one.parent.map(|at| {
                ids.get(at)
                    .ok_or_else(|| HistoryError::MessageNotFound { chat_id: id.clone(), id: at.to_string() })
            });
            let parent = parent.transpose()?;
            let state = if one.state == State::Streaming { State::Interrupted } else { one.state };
            transaction.execute(
                "INSERT INTO messages (id, chat_id, parent_id, role, text, reasoning, thinking_ms, state, error, stats, boxes, created_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
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
                    one.created_at
                ],
            )?;
            show(&transaction, &self.pictures, &own, one.pictures)?;
            ids.push(own);
        }
        let leaf = leaf.and_then(|at| ids.get(at)).or(ids.last());
        transaction.execute("UPDATE chats SET leaf_id = ?2 WHERE id = ?1", params![id, leaf])?;
        transaction.commit()?;
        drop(connection);
        self.chat(&id)
    }
}
