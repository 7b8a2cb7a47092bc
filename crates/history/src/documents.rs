//! Documents of messages and folders: the text of their pages, in tables of their own. The caller extracts
//! the text; this file knows no formats. A document that none of them uses is deleted, at the latest on the
//! next day.
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};
use sha2::{Digest, Sha256};

use crate::clock::now;
use crate::images::GRACE;
use crate::{Document, DocumentText, History, HistoryError, NewDocument};

const COLUMNS: &str = "hash, name, kind, bytes, pages, tokens, scanned";
/// A condition on `documents`: no message and no folder uses it.
const UNUSED: &str =
    "NOT EXISTS (SELECT 1 FROM message_documents WHERE message_documents.hash = documents.hash)
    AND NOT EXISTS (SELECT 1 FROM folder_documents WHERE folder_documents.hash = documents.hash)";

impl History {
    /// Stores a document. The same bytes under the same name are stored once.
    pub fn document_add(&self, new: &NewDocument<'_>) -> Result<Document, HistoryError> {
        let hash =
            Sha256::new().chain_update(new.name).chain_update([0]).chain_update(new.content).finalize();
        let document = Document {
            hash: hex::encode(hash),
            name: new.name.to_owned(),
            kind: new.kind.to_owned(),
            bytes: new.content.len() as u64,
            pages: new.pages.len() as u64,
            tokens: new.tokens,
            scanned: new.scanned.to_vec(),
        };
        insert(&mut self.lock(), &document, new.pages)?;
        Ok(document)
    }

    /// Stores a document of an imported chat, whose bytes are not at hand. `document.hash` stays its name.
    pub fn document_import(&self, document: &Document, pages: &[DocumentText]) -> Result<(), HistoryError> {
        insert(&mut self.lock(), document, pages)
    }

    pub fn document(&self, hash: &str) -> Result<Document, HistoryError> {
        find(&self.lock(), hash)
    }

    /// The text of all pages.
    pub fn document_pages(&self, hash: &str) -> Result<Vec<DocumentText>, HistoryError> {
        let connection = self.lock();
        find(&connection, hash)?;
        let mut query = connection
            .prepare_cached("SELECT label, text FROM document_pages WHERE hash = ?1 ORDER BY page")?;
        let pages =
            query.query_map([hash], |row| Ok(DocumentText { label: row.get(0)?, text: row.get(1)? }))?;
        Ok(pages.collect::<Result<_, _>>()?)
    }

    /// Deletes a document unless a message or a folder uses it.
    pub fn document_discard(&self, hash: &str) -> Result<(), HistoryError> {
        delete_unused(&self.lock(), &[hash.to_owned()])
    }
}

fn insert(
    connection: &mut Connection,
    document: &Document,
    pages: &[DocumentText],
) -> Result<(), HistoryError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let scanned = document.scanned.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
    let added = transaction.execute(
        "INSERT INTO documents (hash, name, kind, bytes, pages, tokens, scanned, added_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (hash) DO NOTHING",
        params![
            document.hash,
            document.name,
            document.kind,
            document.bytes as i64,
            pages.len() as i64,
            document.tokens as i64,
            scanned,
            now()
        ],
    )?;
    if added == 0 {
        transaction
            .execute("UPDATE documents SET added_at = ?2 WHERE hash = ?1", [&document.hash, &now()])?;
    } else {
        let mut each = transaction
            .prepare_cached("INSERT INTO document_pages (hash, page, label, text) VALUES (?1, ?2, ?3, ?4)")?;
        for (at, page) in pages.iter().enumerate() {
            each.execute(params![document.hash, at as i64 + 1, page.label, page.text])?;
        }
    }
    Ok(transaction.commit()?)
}

/// Removes documents that were attached before a time and never used.
fn remove_before(connection: &Connection, since: &str) -> Result<(), HistoryError> {
    connection.execute(&format!("DELETE FROM documents WHERE added_at < ?1 AND {UNUSED}"), [since])?;
    Ok(())
}

/// Removes old documents that were never used. Called on open.
pub(crate) fn remove_stale(connection: &Connection) -> Result<(), HistoryError> {
    remove_before(connection, &format!("{:.3}", jiff::Timestamp::now() - GRACE))
}

/// Deletes those of these documents that nothing uses.
pub(crate) fn delete_unused(connection: &Connection, hashes: &[String]) -> Result<(), HistoryError> {
    let mut each =
        connection.prepare_cached(&format!("DELETE FROM documents WHERE hash = ?1 AND {UNUSED}"))?;
    hashes.iter().try_for_each(|hash| each.execute([hash]).map(drop))?;
    Ok(())
}

/// Attaches documents to a message, in this order.
pub(crate) fn attach(
    connection: &Connection,
    message_id: &str,
    hashes: &[String],
) -> Result<(), HistoryError> {
    for (position, hash) in hashes.iter().enumerate() {
        find(connection, hash)?;
        connection.execute(
            "INSERT INTO message_documents (message_id, place, hash) VALUES (?1, ?2, ?3)",
            params![message_id, position as i64, hash],
        )?;
    }
    Ok(())
}

pub(crate) fn of_message(connection: &Connection, message_id: &str) -> Result<Vec<Document>, HistoryError> {
    let mut query = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM message_documents JOIN documents USING (hash) WHERE message_id = ?1 ORDER BY place"
    ))?;
    Ok(query.query_map([message_id], document)?.collect::<Result<_, _>>()?)
}

pub(crate) fn of_folder(connection: &Connection, folder_id: &str) -> Result<Vec<Document>, HistoryError> {
    let mut query = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM folder_documents JOIN documents USING (hash) WHERE folder_id = ?1 ORDER BY place"
    ))?;
    Ok(query.query_map([folder_id], document)?.collect::<Result<_, _>>()?)
}

/// The documents of these messages, each once.
pub(crate) fn of_messages(connection: &Connection, messages: &[String]) -> Result<Vec<String>, HistoryError> {
    let mut query = connection.prepare_cached("SELECT hash FROM message_documents WHERE message_id = ?1")?;
    let mut hashes = std::collections::BTreeSet::new();
    for id in messages {
        for hash in query.query_map([id], |row| row.get::<_, String>(0))? {
            hashes.insert(hash?);
        }
    }
    Ok(hashes.into_iter().collect())
}

pub(crate) fn find(connection: &Connection, hash: &str) -> Result<Document, HistoryError> {
    let mut query = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM documents WHERE hash = ?1"))?;
    let found = query.query_row([hash], document).optional()?;
    found.ok_or_else(|| HistoryError::DocumentNotFound(hash.to_owned()))
}

fn document(row: &Row<'_>) -> rusqlite::Result<Document> {
    let number = |column| row.get::<_, i64>(column).map(i64::unsigned_abs);
    let scanned: String = row.get(6)?;
    Ok(Document {
        hash: row.get(0)?,
        name: row.get(1)?,
        kind: row.get(2)?,
        bytes: number(3)?,
        pages: number(4)?,
        tokens: number(5)?,
        scanned: scanned.split(' ').filter_map(|page| page.parse().ok()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ChatSettings, NewMessage, Role, State};

    fn history(folder: &std::path::Path) -> History {
        History::open(&folder.join("history.db")).expect("opens")
    }

    fn text(text: &str) -> DocumentText {
        DocumentText { label: None, text: text.to_owned() }
    }

    fn add(history: &History, name: &str) -> Document {
        let pages = [text("one"), DocumentText { label: Some("Sheet".into()), text: "two".into() }];
        let new =
            NewDocument { name, kind: "pdf", content: b"bytes", pages: &pages, tokens: 6, scanned: &[2] };
        history.document_add(&new).expect("is stored")
    }

    #[test]
    fn a_document_goes_with_the_last_message_that_uses_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let history = history(folder.path());
        let document = add(&history, "a.pdf");
        assert_eq!(add(&history, "a.pdf"), document, "once");
        assert_ne!(add(&history, "b.pdf").hash, document.hash, "another name is another document");
        assert_eq!((document.pages, document.tokens, &document.scanned[..]), (2, 6, &[2][..]));
        let settings = ChatSettings {
            model_id: "guide".into(),
            preset_id: String::new(),
            sampling: "{}".into(),
            system_prompt: String::new(),
        };
        let chat = history.chat_create(&settings).expect("a chat");
        let new = NewMessage {
            chat_id: &chat.id,
            parent_id: None,
            role: Role::User,
            text: "What?",
            state: State::Done,
            images: &[],
            documents: std::slice::from_ref(&document.hash),
        };
        let message = history.message_add(&new).expect("is added");
        assert_eq!(message.documents, std::slice::from_ref(&document));
        history.document_discard(&document.hash).expect("nothing is deleted");
        assert_eq!(history.document_pages(&document.hash).expect("pages")[1].label.as_deref(), Some("Sheet"));
        history.chat_delete(&chat.id).expect("deleted");
        assert!(history.document_pages(&document.hash).is_err());
        let pages: i64 = history
            .lock()
            .query_row("SELECT count(*) FROM document_pages WHERE hash = ?1", [&document.hash], |row| {
                row.get(0)
            })
            .expect("is counted");
        assert_eq!(pages, 0);
    }

    #[test]
    fn what_was_attached_and_never_sent_is_removed_after_a_day() {
        let folder = tempfile::tempdir().expect("a folder");
        let history = history(folder.path());
        let document = add(&history, "a.pdf");
        remove_before(&history.lock(), "2000-01-01T00:00:00Z").expect("removed");
        assert!(history.document(&document.hash).is_ok());
        remove_before(&history.lock(), "9000-01-01T00:00:00Z").expect("removed");
        assert!(history.document(&document.hash).is_err());
    }
}
