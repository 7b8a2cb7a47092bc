//! Saves a file to a path that the user chose: a table, an SVG, a script of a plan, a chat. It knows no
//! dialog: the host asks for the path. The file gets the usual permissions, unlike those of the app.
use std::path::{Path, PathBuf};

use contract::ErrorView;
use store::{Access, AtomicFile};

use crate::blocking::blocking;
use crate::convert::storage_error;

/// An older file stays intact when the disk is full. Returns the path.
///
/// # Errors
/// When the folder cannot be written.
pub async fn save_text(path: PathBuf, text: String) -> Result<String, ErrorView> {
    blocking("save the file", move || {
        save_bytes(&path, text.as_bytes())?;
        Ok(path.display().to_string())
    })
    .await
}

/// Blocks on the disk; otherwise as [`save_text`].
pub(crate) fn save_bytes(path: &Path, bytes: &[u8]) -> Result<(), ErrorView> {
    // The file is not secret, so it gets the usual permissions of the user's files.
    let written = AtomicFile::new(path, Access::Umask).and_then(|file| file.commit_bytes(bytes));
    written.map_err(|error| storage_error("save the file", path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_there_is_replaced_whole_and_a_missing_folder_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("table.csv");
        for text in ["one", "two"] {
            let saved = save_text(path.clone(), text.into()).await.expect("is saved");
            assert_eq!(saved, path.display().to_string());
            assert_eq!(std::fs::read_to_string(&path).expect("is there"), text);
        }
        assert_eq!(std::fs::read_dir(folder.path()).expect("lists").count(), 1, "nothing is left beside");
        let nowhere = save_text(folder.path().join("no/table.csv"), String::new()).await;
        assert!(nowhere.expect_err("is refused").detail["path"].ends_with("table.csv"));
    }
}
