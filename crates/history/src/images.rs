//! Pictures of messages: files named by the hash of their content in a folder beside the history, and a row for each. Knows
//! no picture formats: who adds one has read it.
//!
//! A file is written before its row and removed before its row goes, both while no other process may change the history,
//! so a row that a message names always has its file, whenever a process is killed.
use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};
use sha2::{Digest, Sha256};

use crate::chats::now;
use crate::{History, HistoryError, Message, Picture, private};

/// What was attached and never sent, or left by a killed process, is kept for a day: another process may be about to use it.
const GRACE: Duration = Duration::from_secs(24 * 60 * 60);

const COLUMNS: &str = "hash, kind, width, height, bytes";

impl History {
    /// Keeps a picture of these bytes. The same bytes again are the same picture.
    pub fn picture_add(
        &self,
        bytes: &[u8],
        kind: &str,
        width: u32,
        height: u32,
    ) -> Result<Picture, HistoryError> {
        let hash = hex(&Sha256::digest(bytes));
        let picture = Picture { hash, kind: kind.to_owned(), width, height, bytes: bytes.len() as u64 };
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let path = file(&self.pictures, &picture);
        if !path.metadata().is_ok_and(|there| there.len() == picture.bytes) {
            write(&self.pictures, &path, bytes).map_err(|source| failed(&path, source))?;
        }
        transaction.execute(
            "INSERT INTO pictures (hash, kind, width, height, bytes, added_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (hash) DO UPDATE SET added_at = ?6",
            params![picture.hash, picture.kind, width, height, bytes.len() as i64, now()],
        )?;
        transaction.commit()?;
        Ok(picture)
    }

    pub fn picture(&self, hash: &str) -> Result<Picture, HistoryError> {
        find(&self.lock(), hash)
    }

    /// The bytes, when they are still those that were added.
    pub fn picture_bytes(&self, hash: &str) -> Result<Vec<u8>, HistoryError> {
        let picture = self.picture(hash)?;
        let path = file(&self.pictures, &picture);
        let bytes = std::fs::read(&path).map_err(|source| failed(&path, source))?;
        if hex(&Sha256::digest(&bytes)) != picture.hash {
            return Err(HistoryError::PictureChanged(path));
        }
        Ok(bytes)
    }

    /// Forgets a picture that no message shows; one that is shown stays.
    pub fn picture_discard(&self, hash: &str) -> Result<(), HistoryError> {
        collect(&mut self.lock(), &self.pictures, &[hash.to_owned()])
    }
}

/// At the start: what no message shows and nobody added lately, and files without a row.
pub(crate) fn tidy(connection: &mut Connection, folder: &Path) -> Result<(), HistoryError> {
    let since = jiff::Timestamp::now() - GRACE;
    let old: Vec<String> = connection
        .prepare(
            "SELECT hash FROM pictures WHERE added_at < ?1
             AND NOT EXISTS (SELECT 1 FROM message_pictures WHERE message_pictures.hash = pictures.hash)",
        )?
        .query_map([format!("{since:.3}")], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    collect(connection, folder, &old)?;
    let Ok(files) = std::fs::read_dir(folder) else { return Ok(()) };
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let known: HashSet<String> = transaction
        .prepare("SELECT hash FROM pictures")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for entry in files.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let strange = !known.contains(name.split('.').next().unwrap_or_default());
        let written = entry.metadata().and_then(|meta| meta.modified());
        let old = written.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age > GRACE));
        if strange && old {
            // What cannot be removed now may be at the next start.
            let _ = std::fs::remove_file(entry.path());
        }
    }
    Ok(transaction.commit()?)
}

/// Removes those of these pictures that no message shows.
pub(crate) fn collect(
    connection: &mut Connection,
    folder: &Path,
    hashes: &[String],
) -> Result<(), HistoryError> {
    if hashes.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for hash in hashes {
        let unused = transaction
            .query_row(
                &format!(
                    "SELECT {COLUMNS} FROM pictures WHERE hash = ?1
                     AND NOT EXISTS (SELECT 1 FROM message_pictures WHERE hash = ?1)"
                ),
                [hash],
                picture,
            )
            .optional()?;
        let Some(unused) = unused else { continue };
        match std::fs::remove_file(file(folder, &unused)) {
            // Its row stays, and the next start tries again.
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {}
            _ => drop(transaction.execute("DELETE FROM pictures WHERE hash = ?1", [hash])?),
        }
    }
    Ok(transaction.commit()?)
}

/// Writes down that a message shows these pictures, in this order.
pub(crate) fn show(
    connection: &Connection,
    folder: &Path,
    message_id: &str,
    hashes: &[String],
) -> Result<(), HistoryError> {
    for (place, hash) in hashes.iter().enumerate() {
        let path = file(folder, &find(connection, hash)?);
        if !path.is_file() {
            return Err(failed(&path, std::io::ErrorKind::NotFound.into()));
        }
        connection.execute(
            "INSERT INTO message_pictures (message_id, place, hash) VALUES (?1, ?2, ?3)",
            params![message_id, place as i64, hash],
        )?;
    }
    Ok(())
}

pub(crate) fn with_pictures(connection: &Connection, mut message: Message) -> Result<Message, HistoryError> {
    let mut query = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM message_pictures JOIN pictures USING (hash) WHERE message_id = ?1 ORDER BY place"
    ))?;
    message.pictures = query.query_map([&message.id], picture)?.collect::<Result<_, _>>()?;
    Ok(message)
}

/// Pictures of these messages, each once.
pub(crate) fn shown_by(connection: &Connection, messages: &[String]) -> Result<Vec<String>, HistoryError> {
    let mut query = connection.prepare_cached("SELECT hash FROM message_pictures WHERE message_id = ?1")?;
    let mut hashes = HashSet::new();
    for id in messages {
        for hash in query.query_map([id], |row| row.get::<_, String>(0))? {
            hashes.insert(hash?);
        }
    }
    Ok(hashes.into_iter().collect())
}

fn find(connection: &Connection, hash: &str) -> Result<Picture, HistoryError> {
    let mut query = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM pictures WHERE hash = ?1"))?;
    let found = query.query_row([hash], picture).optional()?;
    found.ok_or_else(|| HistoryError::PictureNotFound(hash.to_owned()))
}

fn picture(row: &Row<'_>) -> rusqlite::Result<Picture> {
    Ok(Picture {
        hash: row.get(0)?,
        kind: row.get(1)?,
        width: row.get(2)?,
        height: row.get(3)?,
        bytes: row.get::<_, i64>(4)?.unsigned_abs(),
    })
}

/// With an ending that other programs open: the second half of its media type.
fn file(folder: &Path, picture: &Picture) -> PathBuf {
    let ending: String = picture.kind.chars().rev().take_while(char::is_ascii_alphanumeric).collect();
    let ending: String = ending.chars().rev().collect();
    folder.join(format!("{}.{ending}", picture.hash))
}

/// Beside first, so that the name never stands for half a file, even after the power failed.
fn write(folder: &Path, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    private::create_dir(folder)?;
    let part = path.with_extension(format!("{}.part", std::process::id()));
    // Of a process that had this number and was killed.
    let _ = std::fs::remove_file(&part);
    let mut written = private::create_new(&part)?;
    written.write_all(bytes)?;
    written.sync_all()?;
    std::fs::rename(&part, path)
}

fn failed(path: &Path, source: std::io::Error) -> HistoryError {
    HistoryError::PictureFile { path: path.to_owned(), source }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
