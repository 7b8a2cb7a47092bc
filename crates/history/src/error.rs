//! What can go wrong with the file of conversations.
use std::path::{Path, PathBuf};

/// Display is a fragment that reads after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    #[error("open the history at {path}: {source}")]
    Open { path: PathBuf, source: rusqlite::Error },
    #[error("bring the history at {path} up to date: {source}")]
    Migrate { path: PathBuf, source: Box<rusqlite_migration::Error> },
    #[error(
        "open the history at {path}: it was written by a newer version ({found}, this one knows {known})"
    )]
    TooNew { path: PathBuf, found: usize, known: usize },
    #[error("create the folder of the history at {path}: {source}")]
    Folder { path: PathBuf, source: std::io::Error },
    #[error("find chat {0}")]
    ChatNotFound(String),
    #[error("find message {id} in chat {chat_id}")]
    MessageNotFound { chat_id: String, id: String },
    #[error("go on with message {0}: it is complete, answered already, or no answer")]
    NotAnOpenEnd(String),
    #[error("find picture {0}")]
    PictureNotFound(String),
    #[error("use the picture at {path}: {source}")]
    PictureFile { path: PathBuf, source: std::io::Error },
    #[error("use the picture at {0}: it is not what was attached any more")]
    PictureChanged(PathBuf),
    #[error("write the history: the disk is full")]
    DiskFull,
    #[error("use the history: {0}")]
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for HistoryError {
    fn from(error: rusqlite::Error) -> Self {
        if is_full(&error) { Self::DiskFull } else { Self::Sqlite(error) }
    }
}

impl HistoryError {
    /// Even opening writes: the log and its index beside the file.
    pub(crate) fn opening(path: &Path, source: rusqlite::Error) -> Self {
        if is_full(&source) { Self::DiskFull } else { Self::Open { path: path.to_owned(), source } }
    }
}

fn is_full(error: &rusqlite::Error) -> bool {
    // The index of the log is shared memory in a file, and says it in its own way when it cannot grow.
    let index_cannot_grow =
        error.sqlite_error().is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE);
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull) || index_cannot_grow
}
