//! Errors of the file system and of the history as codes of the contract.
//! Each code has a message that tells the user what to do.
use std::path::Path;

use contract::{ErrorCode, ErrorView};
use deploy::Failure;
use history::{HistoryError, Storage};
use store::StoreError;

/// An error of the file system while doing `what` at `path`.
pub(crate) fn storage_error(what: &str, path: &Path, error: &std::io::Error) -> ErrorView {
    ErrorView::new(io_code(error), format!("{what}: {error}")).with("path", path.display())
}

/// An error of a file of the data folder; `unreadable` is the code of one that cannot be parsed.
pub(crate) fn store_error(error: StoreError, unreadable: ErrorCode) -> ErrorView {
    let message = error.to_string();
    let (code, path) = match error {
        StoreError::Io { path, source, .. } => (io_code(&source), path),
        StoreError::Unreadable { path, .. } => (unreadable, path),
    };
    ErrorView::new(code, message).with("path", path.display())
}

/// A value that the user can change; `allowed` says to what.
pub(crate) fn invalid(message: impl Into<String>, name: &str, allowed: impl ToString) -> ErrorView {
    ErrorView::new(ErrorCode::InvalidInput, message).with("name", name).with("allowed", allowed)
}

/// The code of an error of the operating system. Only an error that no state of the computer explains is
/// internal.
pub(crate) fn io_code(error: &std::io::Error) -> ErrorCode {
    use std::io::ErrorKind;
    // `ErrorKind` has no stable variants for these.
    #[cfg(unix)]
    match error.raw_os_error() {
        // EIO, ENXIO, ENODEV, EREMOTEIO: a medium that was removed or fails.
        Some(5 | 6 | 19 | 121) => return ErrorCode::DiskFailed,
        // ENFILE, EMFILE: too many open files.
        Some(23 | 24) => return ErrorCode::SystemLimit,
        _ => {}
    }
    // ERROR_TOO_MANY_OPEN_FILES; ERROR_CRC, ERROR_NOT_READY, ERROR_IO_DEVICE; ERROR_SHARING_VIOLATION.
    #[cfg(windows)]
    match error.raw_os_error() {
        Some(4) => return ErrorCode::SystemLimit,
        Some(21 | 23 | 1117) => return ErrorCode::DiskFailed,
        Some(32) => return ErrorCode::FileBusy,
        _ => {}
    }
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => ErrorCode::DiskFull,
        ErrorKind::FileTooLarge => ErrorCode::FileTooLarge,
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => ErrorCode::PermissionDenied,
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory => ErrorCode::FileMissing,
        ErrorKind::ResourceBusy | ErrorKind::ExecutableFileBusy | ErrorKind::Deadlock => ErrorCode::FileBusy,
        ErrorKind::OutOfMemory | ErrorKind::WouldBlock => ErrorCode::SystemLimit,
        ErrorKind::StaleNetworkFileHandle
        | ErrorKind::NetworkDown
        | ErrorKind::NetworkUnreachable
        | ErrorKind::HostUnreachable
        | ErrorKind::NotConnected
        | ErrorKind::TimedOut => ErrorCode::DiskFailed,
        _ => ErrorCode::Internal,
    }
}

/// An error of the worker or of a deployment.
pub(crate) fn failure_view(failure: &Failure) -> ErrorView {
    ErrorView { code: failure.code, message: failure.message.clone(), detail: failure.detail.clone() }
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
        HistoryError::Chat { id, source } => {
            let error = history_error(*source);
            ErrorView { message, ..error }.with("chat_id", id)
        }
        HistoryError::FolderNotFound(id) => {
            ErrorView::new(ErrorCode::FolderNotFound, message).with("folder_id", id)
        }
        HistoryError::MessageNotFound { id, .. } => {
            ErrorView::new(ErrorCode::InvalidInput, message).with("message_id", id)
        }
        HistoryError::NotContinuable(id) => {
            ErrorView::new(ErrorCode::InvalidInput, message).with("message_id", id)
        }
        HistoryError::DocumentNotFound(_) => ErrorView::new(ErrorCode::DocumentMissing, message),
        HistoryError::ImageNotFound(_) => ErrorView::new(ErrorCode::PictureMissing, message),
        HistoryError::ImageChanged(path) => {
            ErrorView::new(ErrorCode::PictureMissing, message).with("path", path.display())
        }
        HistoryError::ImageFile { path, source } if source.kind() == std::io::ErrorKind::NotFound => {
            ErrorView::new(ErrorCode::PictureMissing, message).with("path", path.display())
        }
        HistoryError::ImageFile { path, source } => storage_error("use the picture", &path, &source),
        HistoryError::DiskFull => ErrorView::new(ErrorCode::DiskFull, message),
        HistoryError::Sqlite(_) => {
            let code = match error.storage() {
                Some(Storage::Failed) => ErrorCode::DiskFailed,
                Some(Storage::Refused) => ErrorCode::PermissionDenied,
                Some(Storage::Busy) => ErrorCode::FileBusy,
                Some(Storage::Damaged) => ErrorCode::HistoryUnreadable,
                Some(Storage::Memory) => ErrorCode::SystemLimit,
                None => ErrorCode::Internal,
            };
            ErrorView::new(code, message)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Error;

    use super::*;

    /// Numbers from errno(3) of Linux.
    #[cfg(target_os = "linux")]
    #[test]
    fn errors_of_the_system_are_not_called_mistakes_of_the_program() {
        let cases = [
            ("EPERM", 1, ErrorCode::PermissionDenied),
            ("ENOENT", 2, ErrorCode::FileMissing),
            ("EIO", 5, ErrorCode::DiskFailed),
            ("ENXIO", 6, ErrorCode::DiskFailed),
            ("EAGAIN", 11, ErrorCode::SystemLimit),
            ("ENOMEM", 12, ErrorCode::SystemLimit),
            ("EACCES", 13, ErrorCode::PermissionDenied),
            ("EBUSY", 16, ErrorCode::FileBusy),
            ("ENODEV", 19, ErrorCode::DiskFailed),
            ("ENOTDIR", 20, ErrorCode::FileMissing),
            ("EISDIR", 21, ErrorCode::FileMissing),
            ("ENFILE", 23, ErrorCode::SystemLimit),
            ("EMFILE", 24, ErrorCode::SystemLimit),
            ("ETXTBSY", 26, ErrorCode::FileBusy),
            ("EFBIG", 27, ErrorCode::FileTooLarge),
            ("ENOSPC", 28, ErrorCode::DiskFull),
            ("EROFS", 30, ErrorCode::PermissionDenied),
            ("ENOTCONN", 107, ErrorCode::DiskFailed),
            ("ETIMEDOUT", 110, ErrorCode::DiskFailed),
            ("EHOSTUNREACH", 113, ErrorCode::DiskFailed),
            ("ESTALE", 116, ErrorCode::DiskFailed),
            ("EREMOTEIO", 121, ErrorCode::DiskFailed),
            ("EDQUOT", 122, ErrorCode::DiskFull),
            // A bad address is a bug.
            ("EFAULT", 14, ErrorCode::Internal),
        ];
        for (name, number, code) in cases {
            assert_eq!(io_code(&Error::from_raw_os_error(number)), code, "{name}");
        }
    }
}
