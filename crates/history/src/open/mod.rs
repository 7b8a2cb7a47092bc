//! Opens the file: permissions, a check of its length, pragmas, migrations, and the recovery of answers that
//! a dead process left in state `streaming`.
use std::path::Path;

use rusqlite::Connection;
use rusqlite_migration::M;
use store::private;

use crate::documents;
use crate::files::{IMAGES_FOLDER, beside};
use crate::history::WAIT;
use crate::images::remove_stale;
use crate::migrate::migrate;
use crate::schema::MIGRATIONS;
use crate::{History, HistoryError};

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
        documents::remove_stale(&connection)?;
        Ok(Self::of(connection, path))
    }
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
