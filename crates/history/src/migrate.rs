//! Migrates a history of an older version. A backup is created first, and a newer version is refused.
//! What each version changes is in `schema`.
use std::path::Path;

use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};

use crate::HistoryError;
use crate::backup::{self, BackupKind};
use crate::schema::version;

/// Migrates the file to the last version of the list, in one transaction.
pub(crate) fn migrate(
    connection: &mut Connection,
    path: &Path,
    list: &[M<'static>],
) -> Result<(), HistoryError> {
    let (found, known) =
        (version(connection).map_err(|error| HistoryError::opening(path, error))?, list.len());
    if found > known {
        return Err(HistoryError::TooNew { path: path.to_owned(), found, known });
    }
    if found > 0 && found < known {
        backup::create(connection, path, BackupKind::Update)?;
    }
    Migrations::from_slice(list).to_latest(connection).map_err(|source| match source {
        rusqlite_migration::Error::RusqliteError { err, .. } => HistoryError::opening(path, err),
        other => HistoryError::Migrate { path: path.to_owned(), source: Box::new(other) },
    })
}
