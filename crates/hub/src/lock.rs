//! A file lock that allows one transfer per model folder over all processes. The operating system releases
//! the lock when its process ends, so a killed download needs no cleanup.

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::HubError;
use crate::names::model_dir;

/// Not inside a model's folder: removing the model must not remove its lock.
const FOLDER: &str = ".locks";

/// Released on drop.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Does not block, because a transfer may take days.
    pub fn take(models_dir: &Path, id: &str) -> Result<Self, HubError> {
        model_dir(models_dir, id)?;
        let folder = models_dir.join(FOLDER);
        std::fs::create_dir_all(&folder)?;
        let file = File::options().create(true).truncate(false).write(true).open(folder.join(id))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(HubError::Busy(id.to_owned())),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_refused_until_the_first_is_gone() {
        let models = tempfile::tempdir().expect("a folder");
        let first = Lock::take(models.path(), "m").expect("it is free");
        assert!(matches!(Lock::take(models.path(), "m"), Err(HubError::Busy(id)) if id == "m"));
        Lock::take(models.path(), "other").expect("another model is free");
        drop(first);
        Lock::take(models.path(), "m").expect("it is free again");
    }
}
