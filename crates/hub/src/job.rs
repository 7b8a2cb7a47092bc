//! What a caller asks a hub to download: the selected files of one repository.
//! It does not say where the models folder is.

use crate::Source;

#[derive(Debug, Clone)]
pub struct Job {
    /// The folder name in the models folder.
    pub id: String,
    pub source: Source,
    pub repo: String,
    /// Glob patterns of the files, with `*` and `?`; empty means all.
    pub globs: Vec<String>,
}
