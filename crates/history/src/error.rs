//! Errors of the history file, its images and its backups.
//! SQLite's codes are classified by what the user can do: damaged, locked, full, not writable or too new.
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode as Sql;

/// Display completes "failed to".
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    #[error("open the history at {path}: {source}")]
    Open { path: PathBuf, source: rusqlite::Error },
    /// Not a database, or a database with missing or invalid pages.
    #[error("read the history at {path}: {why}")]
    Damaged { path: PathBuf, why: String },
    /// Another program holds an exclusive lock.
    #[error("open the history at {path}: another program has locked it")]
    Locked { path: PathBuf },
    #[error("bring the history at {path} up to date: {source}")]
    Migrate { path: PathBuf, source: Box<rusqlite_migration::Error> },
    #[error(
        "open the history at {path}: it was written by a newer version ({found}, this one knows {known})"
    )]
    TooNew { path: PathBuf, found: usize, known: usize },
    /// A file or folder of the history, its images or its backups.
    #[error("{what} at {path}: {source}")]
    File { what: &'static str, path: PathBuf, source: std::io::Error },
    #[error("change the history: it was opened for reading only")]
    ReadOnly,
    #[error("find the backup {0}")]
    BackupNotFound(String),
    /// A damaged backup is not restored.
    #[error("use the backup at {path}: {why}")]
    BackupDamaged { path: PathBuf, why: String },
    #[error("find chat {0}")]
    ChatNotFound(String),
    /// One chat of several, which are all as before.
    #[error("change chat {id}: {source}")]
    Chat { id: String, source: Box<HistoryError> },
    #[error("find folder {0}")]
    FolderNotFound(String),
    #[error("find message {id} in chat {chat_id}")]
    MessageNotFound { chat_id: String, id: String },
    #[error("continue message {0}: it is complete, has replies, or is not an answer")]
    NotContinuable(String),
    #[error("find image {0}")]
    ImageNotFound(String),
    #[error("find document {0}")]
    DocumentNotFound(String),
    #[error("use the image at {path}: {source}")]
    ImageFile { path: PathBuf, source: std::io::Error },
    #[error("use the image at {0}: it has changed since it was attached")]
    ImageChanged(PathBuf),
    #[error("write the history: the disk is full")]
    DiskFull,
    #[error("use the history: {0}")]
    Sqlite(rusqlite::Error),
}

/// A failure of the storage under the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// An I/O error.
    Failed,
    /// No write permission.
    Refused,
    /// Locked by another program.
    Busy,
    Damaged,
    Memory,
}

impl HistoryError {
    /// The storage failure, if it is the cause.
    pub fn storage(&self) -> Option<Storage> {
        let Self::Sqlite(error) = self else { return None };
        match error.sqlite_error_code()? {
            rusqlite::ErrorCode::SystemIoFailure | rusqlite::ErrorCode::CannotOpen => Some(Storage::Failed),
            rusqlite::ErrorCode::ReadOnly | rusqlite::ErrorCode::PermissionDenied => Some(Storage::Refused),
            rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked => Some(Storage::Busy),
            rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase => {
                Some(Storage::Damaged)
            }
            rusqlite::ErrorCode::OutOfMemory => Some(Storage::Memory),
            _ => None,
        }
    }
}

impl From<rusqlite::Error> for HistoryError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            _ if is_full(&error) => Self::DiskFull,
            Some(Sql::ReadOnly) => Self::ReadOnly,
            _ => Self::Sqlite(error),
        }
    }
}

impl HistoryError {
    /// Classifies an error of opening the file. Opening also writes the log and its index next to the file.
    pub(crate) fn opening(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            _ if is_full(&source) => Self::DiskFull,
            Some(Sql::NotADatabase | Sql::DatabaseCorrupt) => Self::Damaged { path, why: source.to_string() },
            Some(Sql::DatabaseBusy | Sql::DatabaseLocked) => Self::Locked { path },
            // SQLite has one code for an unwritable folder and for an I/O error; a probe file tells which.
            _ => match refused(&path) {
                Some(why) if why.kind() == ErrorKind::StorageFull => Self::DiskFull,
                Some(source) => Self::File { what: "open the history", path, source },
                None => Self::Open { path, source },
            },
        }
    }

    pub(crate) fn file(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::DiskFull,
            _ => Self::File { what, path: path.to_owned(), source },
        }
    }

    /// Whether the file itself is damaged.
    pub fn is_damage(&self) -> bool {
        let corrupt = |error: &rusqlite::Error| {
            matches!(error.sqlite_error_code(), Some(Sql::NotADatabase | Sql::DatabaseCorrupt))
        };
        match self {
            Self::Damaged { .. } => true,
            Self::Sqlite(error) | Self::Open { source: error, .. } => corrupt(error),
            _ => false,
        }
    }
}

/// The operating system's error for reading the file or writing next to it, if any.
fn refused(path: &Path) -> Option<std::io::Error> {
    if let Err(error) = std::fs::File::open(path)
        && error.kind() != ErrorKind::NotFound
    {
        return Some(error);
    }
    let probe = path.with_extension(format!("{}.probe", std::process::id()));
    let made = store::private::create_new(&probe).and_then(|mut file| {
        use std::io::Write;
        file.write_all(&[0; 4096])?;
        file.sync_all()
    });
    let _ = std::fs::remove_file(&probe);
    made.err()
}

fn is_full(error: &rusqlite::Error) -> bool {
    // The log's index is a memory-mapped file, with a separate error code if it cannot grow.
    let index_cannot_grow =
        error.sqlite_error().is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE);
    error.sqlite_error_code() == Some(Sql::DiskFull) || index_cannot_grow
}
