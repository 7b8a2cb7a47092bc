//! The names of the files of a history, next to each other in one folder.
//! It neither creates nor reads them.
use std::path::{Path, PathBuf};

/// The folder of the images, next to the file.
pub(crate) const IMAGES_FOLDER: &str = "pictures";

/// A sibling file with a suffix, such as SQLite's log.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}
