//! The open history: one connection that all its methods share, and the checkpoint of the write-ahead log on
//! exit. Methods for a subject, such as chats, are in the file of the subject.
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use parking_lot::{Mutex, MutexGuard};
use rusqlite::Connection;

use crate::HistoryError;
use crate::files::{IMAGES_FOLDER, beside};

/// SQLite's busy timeout, because the window and the command line may use the file at the same time.
pub(crate) const WAIT: Duration =
    if cfg!(test) { Duration::from_millis(100) } else { Duration::from_secs(5) };

/// The open history. It has one connection behind a mutex; calls block on disk I/O.
#[derive(Debug)]
pub struct History {
    connection: Mutex<Connection>,
    pub(crate) path: PathBuf,
    pub(crate) images: PathBuf,
    /// Begins the id of each of its chats and messages.
    pub(crate) id_prefix: &'static str,
}

impl History {
    pub(crate) fn of(connection: Connection, path: &Path) -> Self {
        let images = path.with_file_name(IMAGES_FOLDER);
        Self { connection: Mutex::new(connection), path: path.to_owned(), images, id_prefix: "" }
    }

    /// An id that no other chat, message or folder has. Later ones sort after earlier ones.
    pub(crate) fn new_id(&self) -> String {
        format!("{}{}", self.id_prefix, uuid::Uuid::now_v7())
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Connection> {
        // SQLite rolls back the transaction of a panicking caller, so the connection stays valid.
        self.connection.lock()
    }

    /// Checkpoints and truncates the write-ahead log, so that a copy of the file is complete. Returns false
    /// if another process is reading; nothing is lost, and a later call may succeed.
    pub fn checkpoint(&self) -> Result<bool, HistoryError> {
        let connection = self.lock();
        // Short, because it is called on exit.
        connection.busy_timeout(Duration::from_millis(500))?;
        let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
        connection.busy_timeout(WAIT)?;
        Ok(!busy?)
    }

    /// As [`History::checkpoint`], if the log is not empty and was not written for this long.
    pub fn checkpoint_after(&self, quiet: Duration) -> Result<bool, HistoryError> {
        let Ok(log) = std::fs::metadata(beside(&self.path, "-wal")) else { return Ok(false) };
        let age = log.modified().ok().and_then(|at| SystemTime::now().duration_since(at).ok());
        if log.len() == 0 || age.is_none_or(|age| age < quiet) {
            return Ok(false);
        }
        self.checkpoint()
    }
}
