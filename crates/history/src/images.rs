//! Images of messages: files named by the hash of their content in a folder next to the history, and a row
//! for each. The caller decodes images; this file knows no formats.
//!
//! A file is written before its row is inserted and removed before its row is deleted, in an immediate
//! transaction, so that a row used by a message always has its file, also after a kill.
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};
use sha2::{Digest, Sha256};
use store::{Access, AtomicFile, private};

use crate::clock::now;
use crate::{History, HistoryError, Image, Message};

/// What is attached and not used is kept for a day, because another process may be about to use it.
pub(crate) const GRACE: Duration = Duration::from_secs(24 * 60 * 60);

const COLUMNS: &str = "hash, kind, width, height, bytes";

impl History {
    /// Stores an image. Equal bytes are stored once.
    pub fn image_add(
        &self,
        bytes: &[u8],
        kind: &str,
        width: u32,
        height: u32,
    ) -> Result<Image, HistoryError> {
        let hash = hex::encode(Sha256::digest(bytes));
        let image = Image { hash, kind: kind.to_owned(), width, height, bytes: bytes.len() as u64 };
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let path = file(&self.images, &image);
        if !path.metadata().is_ok_and(|there| there.len() == image.bytes) {
            write(&self.images, &path, bytes).map_err(|source| failed(&path, source))?;
        }
        transaction.execute(
            "INSERT INTO pictures (hash, kind, width, height, bytes, added_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (hash) DO UPDATE SET added_at = ?6",
            params![image.hash, image.kind, width, height, bytes.len() as i64, now()],
        )?;
        transaction.commit()?;
        Ok(image)
    }

    pub fn image(&self, hash: &str) -> Result<Image, HistoryError> {
        find(&self.lock(), hash)
    }

    /// The bytes of an image, verified by their hash.
    pub fn image_bytes(&self, hash: &str) -> Result<Vec<u8>, HistoryError> {
        let image = self.image(hash)?;
        let path = file(&self.images, &image);
        let bytes = std::fs::read(&path).map_err(|source| failed(&path, source))?;
        if hex::encode(Sha256::digest(&bytes)) != image.hash {
            return Err(HistoryError::ImageChanged(path));
        }
        Ok(bytes)
    }

    /// Deletes an image unless a message uses it.
    pub fn image_discard(&self, hash: &str) -> Result<(), HistoryError> {
        delete_unused(&mut self.lock(), &self.images, &[hash.to_owned()])
    }
}

/// Removes old unused images and old files without a row. Called on open.
pub(crate) fn remove_stale(connection: &mut Connection, folder: &Path) -> Result<(), HistoryError> {
    let since = jiff::Timestamp::now() - GRACE;
    let old: Vec<String> = connection
        .prepare(
            "SELECT hash FROM pictures WHERE added_at < ?1
             AND NOT EXISTS (SELECT 1 FROM message_pictures WHERE message_pictures.hash = pictures.hash)",
        )?
        .query_map([format!("{since:.3}")], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    delete_unused(connection, folder, &old)?;
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
            // On failure the next start tries again.
            let _ = std::fs::remove_file(entry.path());
        }
    }
    Ok(transaction.commit()?)
}

/// Deletes those of these images that no message uses.
pub(crate) fn delete_unused(
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
                image,
            )
            .optional()?;
        let Some(unused) = unused else { continue };
        match std::fs::remove_file(file(folder, &unused)) {
            // The row is kept, and the next start tries again.
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {}
            _ => drop(transaction.execute("DELETE FROM pictures WHERE hash = ?1", [hash])?),
        }
    }
    Ok(transaction.commit()?)
}

/// Attaches images to a message, in this order.
pub(crate) fn attach(
    connection: &Connection,
    folder: &Path,
    message_id: &str,
    hashes: &[String],
) -> Result<(), HistoryError> {
    for (position, hash) in hashes.iter().enumerate() {
        let path = file(folder, &find(connection, hash)?);
        if !path.is_file() {
            return Err(failed(&path, std::io::ErrorKind::NotFound.into()));
        }
        connection.execute(
            "INSERT INTO message_pictures (message_id, place, hash) VALUES (?1, ?2, ?3)",
            params![message_id, position as i64, hash],
        )?;
    }
    Ok(())
}

pub(crate) fn with_images(connection: &Connection, mut message: Message) -> Result<Message, HistoryError> {
    let mut query = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM message_pictures JOIN pictures USING (hash) WHERE message_id = ?1 ORDER BY place"
    ))?;
    message.images = query.query_map([&message.id], image)?.collect::<Result<_, _>>()?;
    Ok(message)
}

/// The distinct images of these messages.
pub(crate) fn images_of(connection: &Connection, messages: &[String]) -> Result<Vec<String>, HistoryError> {
    let mut query = connection.prepare_cached("SELECT hash FROM message_pictures WHERE message_id = ?1")?;
    let mut hashes = HashSet::new();
    for id in messages {
        for hash in query.query_map([id], |row| row.get::<_, String>(0))? {
            hashes.insert(hash?);
        }
    }
    Ok(hashes.into_iter().collect())
}

fn find(connection: &Connection, hash: &str) -> Result<Image, HistoryError> {
    let mut query = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM pictures WHERE hash = ?1"))?;
    let found = query.query_row([hash], image).optional()?;
    found.ok_or_else(|| HistoryError::ImageNotFound(hash.to_owned()))
}

fn image(row: &Row<'_>) -> rusqlite::Result<Image> {
    Ok(Image {
        hash: row.get(0)?,
        kind: row.get(1)?,
        width: row.get(2)?,
        height: row.get(3)?,
        bytes: row.get::<_, i64>(4)?.unsigned_abs(),
    })
}

/// The file path. The extension is the subtype of the media type, so that other programs can open the file.
fn file(folder: &Path, image: &Image) -> PathBuf {
    let ending: String = image.kind.chars().rev().take_while(char::is_ascii_alphanumeric).collect();
    let ending: String = ending.chars().rev().collect();
    folder.join(format!("{}.{ending}", image.hash))
}

/// The temporary name ends in `.part`, by which a backup knows it.
fn write(folder: &Path, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    private::create_dir(folder)?;
    let part = path.with_extension(format!("{}.part", std::process::id()));
    AtomicFile::at(&part, path, Access::Owner)?.commit_bytes(bytes)
}

fn failed(path: &Path, source: std::io::Error) -> HistoryError {
    HistoryError::ImageFile { path: path.to_owned(), source }
}
