//! Opens the file: permissions, a check of its length, pragmas, migrations, and the recovery of answers that
//! a dead process left in state `streaming`. Also checkpoints the write-ahead log on exit.
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use parking_lot::{Mutex, MutexGuard};
use rusqlite::Connection;
use rusqlite_migration::M;
use store::private;

use crate::HistoryError;
use crate::images::remove_stale;
use crate::schema::{MIGRATIONS, migrate};

/// The folder of the images, next to the file.
pub(crate) const IMAGES_FOLDER: &str = "pictures";

/// SQLite's busy timeout, because the window and the command line may use the file at the same time.
const WAIT: Duration = if cfg!(test) { Duration::from_millis(100) } else { Duration::from_secs(5) };

/// The open history. It has one connection behind a mutex; calls block on disk I/O.
#[derive(Debug)]
pub struct History {
    connection: Mutex<Connection>,
    pub(crate) path: PathBuf,
    pub(crate) images: PathBuf,
}

impl History {
    /// Opens or creates the file. An older file is backed up before its migration.
    pub fn open(path: &Path) -> Result<Self, HistoryError> {
        Self::open_at(path, MIGRATIONS)
    }

    pub(crate) fn open_at(path: &Path, migrations: &[M<'static>]) -> Result<Self, HistoryError> {
        if let Some(folder) = path.parent() {
            private::create_dir(folder)
                .map_err(HistoryError::file("create the folder of the history", folder))?;
        }
        // Created before SQLite does, which would use the umask; its log and index get the permissions of the
        // file.
        let found = match private::create_new(path) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => true,
            Err(error) => return Err(HistoryError::file("create the history", path)(error)),
            Ok(_) => false,
        };
        for file in [path.to_owned(), beside(path, "-wal"), beside(path, "-shm")] {
            private::restrict(&file);
        }
        let cut = found && is_truncated(path)?;
        let failed = |source| HistoryError::opening(path, source);
        let mut connection = Connection::open(path).map_err(failed)?;
        prepare(&connection).map_err(failed)?;
        if cut {
            check_pages(&connection, path)?;
        }
        migrate(&mut connection, path, migrations)?;
        recover(&connection).map_err(failed)?;
        let images = path.with_file_name(IMAGES_FOLDER);
        private::restrict_all(&images);
        remove_stale(&mut connection, &images)?;
        Ok(Self::of(connection, path))
    }

    pub(crate) fn of(connection: Connection, path: &Path) -> Self {
        let images = path.with_file_name(IMAGES_FOLDER);
        Self { connection: Mutex::new(connection), path: path.to_owned(), images }
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

/// A sibling file with a suffix, such as SQLite's log.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(WAIT)?;
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    // In WAL mode, NORMAL loses nothing when a process dies, and only the last transactions at a power
    // failure.
    connection.execute_batch("PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;")
}

/// Whether the file is shorter than its header says. SQLite would open it and fail later at the first missing
/// page. True if a log exists that may contain the missing pages, so that the pages must be checked.
///
/// # Errors
/// `Damaged` if there is no log.
fn is_truncated(path: &Path) -> Result<bool, HistoryError> {
    use std::io::Read;
    let failed = |error| HistoryError::file("read the history", path)(error);
    let mut head = [0; 100];
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let log = std::fs::metadata(beside(path, "-wal")).map_or(0, |log| log.len());
    let damaged = |why: String| Err(HistoryError::Damaged { path: path.to_owned(), why });
    if length == 0 {
        // SQLite treats an empty file as new and deletes its log.
        let used = log > 0 || crate::backup::any(path);
        return if used { damaged("the file is empty".into()) } else { Ok(false) };
    }
    if file.read_exact(&mut head).is_err() {
        return damaged(format!("the file has only {length} bytes"));
    }
    // Not opened with SQLite, which would apply and delete the log.
    if &head[..16] != b"SQLite format 3\0" {
        return damaged("it is not a database".into());
    }
    let number = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let page = match u16::from_be_bytes([head[16], head[17]]) {
        1 => 65_536,
        size => u64::from(size),
    };
    // The page count is valid only if both counters are equal (fileformat2.html, 1.3.8).
    let counted = number(24) == number(92);
    let due = page * u64::from(number(28));
    if !counted || length >= due {
        return Ok(false);
    }
    if log > 0 { Ok(true) } else { damaged(format!("the file ends at {length} of {due} bytes")) }
}

fn check_pages(connection: &Connection, path: &Path) -> Result<(), HistoryError> {
    let result = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0))
        .map_err(|error| HistoryError::opening(path, error))?;
    if result == "ok" { Ok(()) } else { Err(HistoryError::Damaged { path: path.to_owned(), why: result }) }
}

pub(crate) fn recover(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("UPDATE messages SET state = 'interrupted' WHERE state = 'streaming'", []).map(drop)
}

#[cfg(test)]
mod tests;
