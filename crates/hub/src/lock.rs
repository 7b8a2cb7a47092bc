//! The lock of a model's folder, which allows one transfer at a time over all processes.
//! A killed download needs no cleanup.

use std::path::Path;

use store::{Access, FileLock};

use crate::HubError;
use crate::names::model_dir;

/// Not inside a model's folder: removing the model must not remove its lock.
const FOLDER: &str = ".locks";

/// Does not block, because a transfer may take days.
pub(crate) fn lock_model(models_dir: &Path, id: &str) -> Result<FileLock, HubError> {
    model_dir(models_dir, id)?;
    let folder = models_dir.join(FOLDER);
    std::fs::create_dir_all(&folder)?;
    FileLock::try_take(&folder.join(id), Access::Umask)?.ok_or_else(|| HubError::Busy(id.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_refused_until_the_first_is_gone() {
        let models = tempfile::tempdir().expect("a folder");
        let first = lock_model(models.path(), "m").expect("it is free");
        assert!(matches!(lock_model(models.path(), "m"), Err(HubError::Busy(id)) if id == "m"));
        lock_model(models.path(), "other").expect("another model is free");
        drop(first);
        lock_model(models.path(), "m").expect("it is free again");
    }
}
