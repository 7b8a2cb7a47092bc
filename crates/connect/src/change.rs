//! A change of one file of a program: what it is now, what it becomes, and the writing of it.
//! Knows no format and no program; the change was planned elsewhere.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::diff::{self, DiffLine};
use crate::entry::Entry;
use crate::record::{Record, Shelf};
use crate::steps::Steps;
use crate::{ConnectError, Program, file};

/// A change that was planned and is not made yet.
#[derive(Clone)]
pub struct FileChange {
    /// Whose file it is.
    pub program: Program,
    /// The file, as the program names it; a link is followed when it is written.
    pub path: PathBuf,
    /// Its text; `None` where there is no file.
    pub before: Option<String>,
    /// Its text with our settings.
    pub after: String,
    /// What is left to do by hand.
    pub left: Steps,
    pub(crate) was: Json,
    pub(crate) entries: Vec<Entry>,
    pub(crate) secrets: Vec<String>,
}

impl FileChange {
    /// Whether there is anything to change.
    #[must_use]
    pub fn changes(&self) -> bool {
        self.before.as_deref() != Some(self.after.as_str())
    }

    /// The difference by lines, without keys. Empty when there is none.
    #[must_use]
    pub fn diff(&self) -> Vec<DiffLine> {
        diff::lines(self.before.as_deref().unwrap_or_default(), &self.after, &self.secrets)
    }

    /// Writes the file, and keeps in `backups` what is needed to take it back.
    ///
    /// # Errors
    /// When the file is not what it was when the change was planned, or cannot be written. It is unchanged
    /// then.
    pub fn apply(&self, backups: &Path) -> Result<(), ConnectError> {
        let current = file::read(&self.path)?;
        if current != self.before {
            let reason = "it was changed after the difference was shown".to_owned();
            return Err(ConnectError::Changed { path: self.path.clone(), reason });
        }
        if !self.changes() {
            return Ok(());
        }
        let shelf = Shelf::new(backups, self.program);
        let old = shelf.record(&self.path)?;
        let record = Record::new(old.as_ref(), self.before.as_deref(), &self.after, &self.was, &self.entries);
        // The record is first: settings without it could not be taken back.
        shelf.put(&self.path, Some(record))?;
        file::write(&self.path, &self.after).inspect_err(|_| {
            // The error of the file is what the user has to know.
            let _ = shelf.put(&self.path, old);
        })
    }
}

/// The texts have keys in them, and a log is no place for those.
impl std::fmt::Debug for FileChange {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("FileChange")
            .field("program", &self.program)
            .field("path", &self.path)
            .field("changes", &self.changes())
            .finish_non_exhaustive()
    }
}
