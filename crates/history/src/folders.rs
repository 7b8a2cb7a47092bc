//! Folders of chats, with instructions and documents that all their chats share.
//! A chat is in one folder or in none. Deleting a folder keeps its chats unless they are deleted with it.
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use crate::chat_deletion::delete_all;
use crate::clock::now;
use crate::documents;
use crate::images::delete_unused;
use crate::{Folder, History, HistoryError};

impl History {
    /// All folders by name.
    pub fn folders(&self) -> Result<Vec<Folder>, HistoryError> {
        let connection = self.lock();
        let ids: Vec<String> = connection
            .prepare_cached("SELECT id FROM folders ORDER BY name COLLATE NOCASE, id")?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        ids.iter().map(|id| read(&connection, id)).collect()
    }

    pub fn folder(&self, id: &str) -> Result<Folder, HistoryError> {
        read(&self.lock(), id)
    }

    /// The folder of a chat, if it is in one.
    pub fn folder_of_chat(&self, chat_id: &str) -> Result<Option<Folder>, HistoryError> {
        let connection = self.lock();
        let found = connection
            .query_row("SELECT folder_id FROM chats WHERE id = ?1", [chat_id], |row| row.get(0))
            .optional()?;
        let folder: Option<String> = found.ok_or_else(|| HistoryError::ChatNotFound(chat_id.to_owned()))?;
        folder.map(|id| read(&connection, &id)).transpose()
    }

    /// A new folder without chats or documents.
    pub fn folder_create(&self, name: &str, instructions: &str) -> Result<Folder, HistoryError> {
        let id = self.new_id();
        let connection = self.lock();
        connection.execute(
            "INSERT INTO folders (id, name, instructions, created_at) VALUES (?1, ?2, ?3, ?4)",
            params![id, name, instructions, now()],
        )?;
        read(&connection, &id)
    }

    pub fn folder_change(&self, id: &str, name: &str, instructions: &str) -> Result<Folder, HistoryError> {
        let connection = self.lock();
        exists(&connection, id)?;
        connection.execute(
            "UPDATE folders SET name = ?2, instructions = ?3 WHERE id = ?1",
            [id, name, instructions],
        )?;
        read(&connection, id)
    }

    /// Deletes a folder and the documents that only it uses. Its chats stay, without a folder, or are deleted
    /// too.
    pub fn folder_delete(&self, id: &str, with_chats: bool) -> Result<(), HistoryError> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let attached: Vec<String> =
            read(&transaction, id)?.documents.into_iter().map(|document| document.hash).collect();
        let chats = if with_chats { chats_of(&transaction, id)? } else { Vec::new() };
        let shown = delete_all(&transaction, &chats)?;
        transaction.execute("DELETE FROM folders WHERE id = ?1", [id])?;
        documents::delete_unused(&transaction, &attached)?;
        transaction.commit()?;
        delete_unused(&mut connection, &self.images, &shown)
    }

    /// The ids of the chats of a folder.
    pub fn folder_chats(&self, id: &str) -> Result<Vec<String>, HistoryError> {
        let connection = self.lock();
        exists(&connection, id)?;
        chats_of(&connection, id)
    }

    /// Adds a stored document to a folder. One that it has already stays where it is.
    pub fn folder_document_add(&self, id: &str, hash: &str) -> Result<Folder, HistoryError> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        exists(&transaction, id)?;
        documents::find(&transaction, hash)?;
        transaction.execute(
            "INSERT INTO folder_documents (folder_id, place, hash)
             VALUES (?1, (SELECT coalesce(max(place) + 1, 0) FROM folder_documents WHERE folder_id = ?1), ?2)
             ON CONFLICT (folder_id, hash) DO NOTHING",
            [id, hash],
        )?;
        transaction.commit()?;
        read(&connection, id)
    }

    /// Takes a document out of a folder, and deletes it if nothing else uses it.
    pub fn folder_document_remove(&self, id: &str, hash: &str) -> Result<Folder, HistoryError> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        exists(&transaction, id)?;
        transaction.execute("DELETE FROM folder_documents WHERE folder_id = ?1 AND hash = ?2", [id, hash])?;
        documents::delete_unused(&transaction, &[hash.to_owned()])?;
        transaction.commit()?;
        read(&connection, id)
    }

    /// Moves these chats to a folder, or out of any with `None`; all of them, or none.
    ///
    /// # Errors
    /// `FolderNotFound`, or `Chat` with the id of a chat that is not there.
    pub fn chats_move(&self, chats: &[String], folder_id: Option<&str>) -> Result<(), HistoryError> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if let Some(folder) = folder_id {
            exists(&transaction, folder)?;
        }
        for id in chats {
            let changed = transaction
                .execute("UPDATE chats SET folder_id = ?2 WHERE id = ?1", params![id, folder_id])?;
            if changed == 0 {
                let source = Box::new(HistoryError::ChatNotFound(id.clone()));
                return Err(HistoryError::Chat { id: id.clone(), source });
            }
        }
        Ok(transaction.commit()?)
    }
}

/// # Errors
/// `FolderNotFound`.
pub(crate) fn exists(connection: &Connection, id: &str) -> Result<(), HistoryError> {
    let found = connection.query_row("SELECT 1 FROM folders WHERE id = ?1", [id], |_| Ok(())).optional()?;
    found.ok_or_else(|| HistoryError::FolderNotFound(id.to_owned()))
}

fn chats_of(connection: &Connection, id: &str) -> Result<Vec<String>, HistoryError> {
    let mut query = connection.prepare_cached("SELECT id FROM chats WHERE folder_id = ?1 ORDER BY id")?;
    Ok(query.query_map([id], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

fn read(connection: &Connection, id: &str) -> Result<Folder, HistoryError> {
    let mut query = connection.prepare_cached(
        "SELECT name, instructions, (SELECT count(*) FROM chats WHERE folder_id = folders.id)
         FROM folders WHERE id = ?1",
    )?;
    let found = query
        .query_row([id], |row| {
            Ok(Folder {
                id: id.to_owned(),
                name: row.get(0)?,
                instructions: row.get(1)?,
                documents: Vec::new(),
                chats: row.get(2)?,
            })
        })
        .optional()?;
    let folder = found.ok_or_else(|| HistoryError::FolderNotFound(id.to_owned()))?;
    Ok(Folder { documents: documents::of_folder(connection, id)?, ..folder })
}
