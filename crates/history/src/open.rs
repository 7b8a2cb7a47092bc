//! Opening the file: rights, a look at its length, pragmas, migrations, and the recovery of answers that were being written when
//! the last process went away. Also how it is left: with nothing in the write-ahead log. Knows the tables, not their use.
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use rusqlite::Connection;
use rusqlite_migration::M;

use crate::pictures::tidy;
use crate::schema::{MIGRATIONS, migrate};
use crate::{HistoryError, private};

/// Of the pictures, beside the file.
pub(crate) const PICTURES_FOLDER: &str = "pictures";

/// The window and the command line may use the file at the same time.
const WAIT: Duration = if cfg!(test) { Duration::from_millis(100) } else { Duration::from_secs(5) };

/// The open file. One connection, used in turn; calls block for as long as the disk takes.
#[derive(Debug)]
pub struct History {
    connection: Mutex<Connection>,
    pub(crate) path: PathBuf,
    pub(crate) pictures: PathBuf,
}

impl History {
    /// Opens or creates the file. An older file is backed up before it is changed.
    pub fn open(path: &Path) -> Result<Self, HistoryError> {
        Self::open_at(path, MIGRATIONS)
    }

    pub(crate) fn open_at(path: &Path, migrations: &[M<'static>]) -> Result<Self, HistoryError> {
        if let Some(folder) = path.parent() {
            private::create_dir(folder)
                .map_err(HistoryError::file("create the folder of the history", folder))?;
        }
        // Before SQLite does, which would give it the rights of the umask; its log and index take those of the file.
        let found = match private::create_new(path) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => true,
            Err(error) => return Err(HistoryError::file("create the history", path)(error)),
            Ok(_) => false,
        };
        for file in [path.to_owned(), beside(path, "-wal"), beside(path, "-shm")] {
            private::restrict(&file);
        }
        let cut = found && is_cut(path)?;
        let failed = |source| HistoryError::opening(path, source);
        let mut connection = Connection::open(path).map_err(failed)?;
        prepare(&connection).map_err(failed)?;
        if cut {
            check_pages(&connection, path)?;
        }
        migrate(&mut connection, path, migrations)?;
        recover(&connection).map_err(failed)?;
        let pictures = path.with_file_name(PICTURES_FOLDER);
        private::restrict_all(&pictures);
        tidy(&mut connection, &pictures)?;
        Ok(Self::of(connection, path))
    }

    pub(crate) fn of(connection: Connection, path: &Path) -> Self {
        let pictures = path.with_file_name(PICTURES_FOLDER);
        Self { connection: Mutex::new(connection), path: path.to_owned(), pictures }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Connection> {
        // SQLite rolled back whatever a panicking caller had begun, so the connection is still good.
        self.connection.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Moves everything from the write-ahead log into the file and empties the log, so that a copy of the file is whole. Returns
    /// false when another process reads at this moment; nothing is lost then, and the next call may do it.
    pub fn checkpoint(&self) -> Result<bool, HistoryError> {
        let connection = self.lock();
        // Called when a program ends: it does not wait long for another.
        connection.busy_timeout(Duration::from_millis(500))?;
        let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
        connection.busy_timeout(WAIT)?;
        Ok(!busy?)
    }

    /// As [`History::checkpoint`], when the log holds something and was not written to for this long.
    pub fn checkpoint_after(&self, quiet: Duration) -> Result<bool, HistoryError> {
        let Ok(log) = std::fs::metadata(beside(&self.path, "-wal")) else { return Ok(false) };
        let age = log.modified().ok().and_then(|at| SystemTime::now().duration_since(at).ok());
        if log.len() == 0 || age.is_none_or(|age| age < quiet) {
            return Ok(false);
        }
        self.checkpoint()
    }
}

/// SQLite's own file beside the history.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(WAIT)?;
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    // In WAL mode NORMAL loses nothing when a process dies, only the last moments when the power fails.
    connection.execute_batch("PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;")
}

/// Whether the file is shorter than its first page says. SQLite would open it and fail at the first page that is missing, in the
/// middle of a chat. True when only the pages can decide: a log beside the file may hold the rest.
///
/// # Errors
/// `Damaged` when nothing can hold the rest.
fn is_cut(path: &Path) -> Result<bool, HistoryError> {
    use std::io::Read;
    let failed = |error| HistoryError::file("read the history", path)(error);
    let mut head = [0; 100];
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let log = std::fs::metadata(beside(path, "-wal")).map_or(0, |log| log.len());
    let damaged = |why: String| Err(HistoryError::Damaged { path: path.to_owned(), why });
    if length == 0 {
        // SQLite takes an empty file for a new one and throws its log away.
        let used = log > 0 || crate::backup::any(path);
        return if used { damaged("the file is empty".into()) } else { Ok(false) };
    }
    if file.read_exact(&mut head).is_err() {
        return damaged(format!("the file has only {length} bytes"));
    }
    // Not given to SQLite, which would take in the log beside it and delete that.
    if &head[..16] != b"SQLite format 3\0" {
        return damaged("it is no database".into());
    }
    let number = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let page = match u16::from_be_bytes([head[16], head[17]]) {
        1 => 65_536,
        size => u64::from(size),
    };
    // The count holds only when the same write set both counters (fileformat2.html, 1.3.8).
    let counted = number(24) == number(92);
    let due = page * u64::from(number(28));
    if !counted || length >= due {
        return Ok(false);
    }
    if log > 0 { Ok(true) } else { damaged(format!("the file ends at {length} of {due} bytes")) }
}

fn check_pages(connection: &Connection, path: &Path) -> Result<(), HistoryError> {
    let said = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0))
        .map_err(|error| HistoryError::opening(path, error))?;
    if said == "ok" { Ok(()) } else { Err(HistoryError::Damaged { path: path.to_owned(), why: said }) }
}

pub(crate) fn recover(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("UPDATE messages SET state = 'interrupted' WHERE state = 'streaming'", []).map(drop)
}

#[cfg(test)]
mod tests;
