//! Chats: create, list, rename, update, and select the visible path.
//! A chat stores only its selected leaf; the path follows from the parents. Times are RFC 3339 in UTC.
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::clock::now;
use crate::folders;
use crate::message_rows::{belongs, path_to};
use crate::{Chat, ChatSettings, History, HistoryError, Summary};

fn summary(row: &Row<'_>) -> rusqlite::Result<Summary> {
    Ok(Summary {
        id: row.get(0)?,
        title: row.get(1)?,
        model_id: row.get(2)?,
        updated_at: row.get(3)?,
        folder_id: row.get(4)?,
    })
}

const SUMMARY: &str = "SELECT id, title, model_id, updated_at, folder_id FROM chats";

impl History {
    /// A new chat without title, messages or folder.
    pub fn chat_create(&self, settings: &ChatSettings) -> Result<Chat, HistoryError> {
        self.chat_create_in(settings, None)
    }

    /// A new chat of a folder, without title or messages.
    pub fn chat_create_in(
        &self,
        settings: &ChatSettings,
        folder_id: Option<&str>,
    ) -> Result<Chat, HistoryError> {
        let id = self.new_id();
        let connection = self.lock();
        if let Some(folder) = folder_id {
            folders::exists(&connection, folder)?;
        }
        let ChatSettings { model_id, preset_id, sampling, system_prompt } = settings;
        connection.execute(
            "INSERT INTO chats
                (id, title, model_id, preset_id, sampling, system_prompt, created_at, updated_at, folder_id)
             VALUES (?1, '', ?2, ?3, ?4, ?5, ?6, ?6, ?7)",
            params![id, model_id, preset_id, sampling, system_prompt, now(), folder_id],
        )?;
        Ok(Chat {
            id,
            title: String::new(),
            settings: settings.clone(),
            context_start: None,
            folder_id: folder_id.map(str::to_owned),
            path: Vec::new(),
        })
    }

    /// All chats, the latest first.
    pub fn chats(&self) -> Result<Vec<Summary>, HistoryError> {
        let connection = self.lock();
        let mut query = connection.prepare_cached(&format!("{SUMMARY} ORDER BY updated_at DESC, id DESC"))?;
        Ok(query.query_map([], summary)?.collect::<Result<_, _>>()?)
    }

    /// The chat with the path to its selected leaf.
    pub fn chat(&self, id: &str) -> Result<Chat, HistoryError> {
        let connection = self.lock();
        let (title, settings, leaf, context_start, folder_id) = connection
            .query_row(
                "SELECT title, model_id, preset_id, sampling, system_prompt, leaf_id, context_start, folder_id
                 FROM chats WHERE id = ?1",
                [id],
                |row| {
                    let settings = ChatSettings {
                        model_id: row.get(1)?,
                        preset_id: row.get(2)?,
                        sampling: row.get(3)?,
                        system_prompt: row.get(4)?,
                    };
                    let leaf: Option<String> = row.get(5)?;
                    Ok((row.get::<_, String>(0)?, settings, leaf, row.get(6)?, row.get(7)?))
                },
            )
            .optional()?
            .ok_or_else(|| HistoryError::ChatNotFound(id.to_owned()))?;
        let path = match leaf {
            Some(leaf) => path_to(&connection, &leaf)?,
            None => Vec::new(),
        };
        Ok(Chat { id: id.to_owned(), title, settings, context_start, folder_id, path })
    }

    pub fn chat_rename(&self, id: &str, title: &str) -> Result<(), HistoryError> {
        let changed = self.lock().execute("UPDATE chats SET title = ?2 WHERE id = ?1", params![id, title])?;
        found(changed, id)
    }

    /// Replaces a title that still is `from`. False when it was changed in the meantime.
    pub fn chat_replace_title(&self, id: &str, from: &str, to: &str) -> Result<bool, HistoryError> {
        let update = "UPDATE chats SET title = ?3 WHERE id = ?1 AND title = ?2";
        Ok(self.lock().execute(update, params![id, from, to])? > 0)
    }

    pub fn chat_update(&self, id: &str, settings: &ChatSettings) -> Result<(), HistoryError> {
        let changed = self.lock().execute(
            "UPDATE chats SET model_id = ?2, preset_id = ?3, sampling = ?4, system_prompt = ?5 WHERE id = ?1",
            params![id, settings.model_id, settings.preset_id, settings.sampling, settings.system_prompt],
        )?;
        found(changed, id)
    }

    /// Sets the first message of the model's context; `None` means the first of the chat. Earlier messages
    /// stay in the chat.
    ///
    /// # Errors
    /// A message of another chat.
    pub fn chat_context_start(&self, chat_id: &str, message_id: Option<&str>) -> Result<(), HistoryError> {
        let connection = self.lock();
        if let Some(id) = message_id {
            belongs(&connection, chat_id, id)?;
        }
        let changed = connection
            .execute("UPDATE chats SET context_start = ?2 WHERE id = ?1", params![chat_id, message_id])?;
        found(changed, chat_id)
    }

    /// Selects the branch of a message: the path goes through it to its latest descendant.
    pub fn select(&self, chat_id: &str, message_id: &str) -> Result<(), HistoryError> {
        select_leaf(&self.lock(), chat_id, message_id)
    }
}

/// Selects the latest descendant of this message as the leaf.
pub(crate) fn select_leaf(
    connection: &Connection,
    chat_id: &str,
    message_id: &str,
) -> Result<(), HistoryError> {
    let leaf: String = connection
        .query_row(
            "WITH RECURSIVE down (id, depth) AS (
                SELECT id, 0 FROM messages WHERE id = ?2 AND chat_id = ?1
                UNION ALL
                SELECT (SELECT id FROM messages WHERE parent_id = down.id ORDER BY rowid DESC LIMIT 1), depth + 1
                FROM down WHERE down.id IS NOT NULL
             )
             SELECT id FROM down WHERE id IS NOT NULL ORDER BY depth DESC LIMIT 1",
            [chat_id, message_id],
            |row| row.get(0),
        )
        .optional()?
        .ok_or_else(|| HistoryError::MessageNotFound {
            chat_id: chat_id.to_owned(),
            id: message_id.to_owned(),
        })?;
    connection.execute("UPDATE chats SET leaf_id = ?2 WHERE id = ?1", [chat_id, &leaf])?;
    Ok(())
}

fn found(changed: usize, id: &str) -> Result<(), HistoryError> {
    if changed == 0 { Err(HistoryError::ChatNotFound(id.to_owned())) } else { Ok(()) }
}
