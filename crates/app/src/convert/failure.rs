//! Failures of the domains as codes that somebody can act on.
use std::path::Path;

use contract::{ErrorCode, ErrorView};
use history::HistoryError;

/// A failure of the file system while doing `what` at `path`.
pub(crate) fn storage_error(what: &str, path: &Path, error: &std::io::Error) -> ErrorView {
    let code = match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => ErrorCode::DiskFull,
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
            ErrorCode::PermissionDenied
        }
        _ => ErrorCode::Internal,
    };
    ErrorView::new(code, format!("{what}: {error}")).with("path", path.display())
}

pub(crate) fn history_error(error: HistoryError) -> ErrorView {
    let message = error.to_string();
    match error {
        HistoryError::Open { path, .. }
        | HistoryError::Migrate { path, .. }
        | HistoryError::Damaged { path, .. } => {
            ErrorView::new(ErrorCode::HistoryUnreadable, message).with("path", path.display())
        }
        HistoryError::TooNew { path, .. } => {
            ErrorView::new(ErrorCode::HistoryTooNew, message).with("path", path.display())
        }
        HistoryError::Locked { path } => {
            ErrorView::new(ErrorCode::HistoryLocked, message).with("path", path.display())
        }
        HistoryError::File { what, path, source } => storage_error(what, &path, &source),
        HistoryError::ReadOnly => ErrorView::new(ErrorCode::HistoryReadOnly, message),
        HistoryError::BackupNotFound(id) => ErrorView::new(ErrorCode::InvalidInput, message).with("id", id),
        HistoryError::BackupDamaged { path, .. } => {
            ErrorView::new(ErrorCode::BackupDamaged, message).with("path", path.display())
        }
        HistoryError::ChatNotFound(id) => {
            ErrorView::new(ErrorCode::ChatNotFound, message).with("chat_id", id)
        }
        HistoryError::MessageNotFound { id, .. } => {
            ErrorView::new(ErrorCode::InvalidInput, message).with("message_id", id)
        }
        HistoryError::NotAnOpenEnd(id) => {
            ErrorView::new(ErrorCode::InvalidInput, message).with("message_id", id)
        }
        HistoryError::PictureNotFound(_) => ErrorView::new(ErrorCode::PictureMissing, message),
        HistoryError::PictureChanged(path) => {
            ErrorView::new(ErrorCode::PictureMissing, message).with("path", path.display())
        }
        HistoryError::PictureFile { path, source } if source.kind() == std::io::ErrorKind::NotFound => {
            ErrorView::new(ErrorCode::PictureMissing, message).with("path", path.display())
        }
        HistoryError::PictureFile { path, source } => storage_error("use the picture", &path, &source),
        HistoryError::DiskFull => ErrorView::new(ErrorCode::DiskFull, message),
        // Met in the middle of a chat, when the file changed under the program.
        error @ HistoryError::Sqlite(_) if error.is_damage() => {
            ErrorView::new(ErrorCode::HistoryUnreadable, message)
        }
        HistoryError::Sqlite(_) => ErrorView::new(ErrorCode::Internal, message),
    }
}
