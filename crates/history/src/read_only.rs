//! Opens a history read-only if it cannot be written: no write permission, a full disk, a newer version, or
//! damage. Nothing is written.
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::backup::{open_immutable, uri};
use crate::files::beside;
use crate::schema::{MIGRATIONS, version};
use crate::{History, HistoryError};

impl History {
    /// Changes of the returned history fail with `ReadOnly`.
    pub fn open_read_only(path: &Path) -> Result<Self, HistoryError> {
        let failed = |source| HistoryError::opening(path, source);
        let log = std::fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0);
        let mut connection = if log { open_with_log(path) } else { open_immutable(path) }.map_err(failed)?;
        let found = version(&connection).map_err(failed)?;
        if found == 0 {
            return Err(HistoryError::Damaged { path: path.to_owned(), why: "it has no tables".into() });
        }
        if found < MIGRATIONS.len() {
            connection = migrated_in_memory(&connection).map_err(failed)?;
            rusqlite_migration::Migrations::from_slice(MIGRATIONS).to_latest(&mut connection).map_err(
                |source| HistoryError::Migrate { path: path.to_owned(), source: Box::new(source) },
            )?;
        }
        connection.execute_batch("PRAGMA query_only = ON;").map_err(failed)?;
        let history = Self::of(connection, path);
        // A newer version may have renamed columns: this reports it on open.
        history.chats()?;
        Ok(history)
    }
}

/// Opens with the log and keeps its index in memory. No locks, because they need write permission.
fn open_with_log(path: &Path) -> rusqlite::Result<Connection> {
    const NO_LOCKS: &str = if cfg!(windows) { "mode=ro&vfs=win32-none" } else { "mode=ro&vfs=unix-none" };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(uri(path, NO_LOCKS), flags)?;
    connection.busy_timeout(Duration::from_secs(1))?;
    connection.query_row("PRAGMA locking_mode = EXCLUSIVE", [], |_| Ok(()))?;
    Ok(connection)
}

/// An in-memory copy, so that an older version can be migrated without writing to the disk.
fn migrated_in_memory(from: &Connection) -> rusqlite::Result<Connection> {
    let mut memory = Connection::open_in_memory()?;
    rusqlite::backup::Backup::new(from, &mut memory)?.run_to_completion(1000, Duration::ZERO, None)?;
    Ok(memory)
}
