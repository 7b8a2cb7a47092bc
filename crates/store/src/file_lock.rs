//! A lock between processes: a lock of the operating system on an empty file, which stays. It is released
//! when its owner ends, so a killed process needs no cleanup.
use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::Path;

use crate::Access;

/// Released on drop.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

impl FileLock {
    /// Waits for the other owner.
    pub fn wait(path: &Path, access: Access) -> io::Result<Self> {
        let file = open(path, access)?;
        match file.lock() {
            // A file system without locks, such as a network share, has at most one writer in practice.
            Err(error) if error.kind() != ErrorKind::Unsupported => Err(error),
            _ => Ok(Self { _file: file }),
        }
    }

    /// `None` while another owner has it.
    pub fn try_take(path: &Path, access: Access) -> io::Result<Option<Self>> {
        let file = open(path, access)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

fn open(path: &Path, access: Access) -> io::Result<File> {
    match access.create_new(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => File::options().write(true).open(path),
        made => made,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_owner_at_a_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let take = |name: &str| FileLock::try_take(&folder.path().join(name), Access::Owner).expect("opens");
        let first = take("a").expect("is free");
        assert!(take("a").is_none() && take("b").is_some());
        drop(first);
        let waited = FileLock::wait(&folder.path().join("a"), Access::Owner).expect("is free again");
        assert!(take("a").is_none());
        drop(waited);
        assert!(take("a").is_some());
    }
}
