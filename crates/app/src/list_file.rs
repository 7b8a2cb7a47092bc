//! A list in a JSON file, `{"version": 1, "<field>": [..]}`. It is read at each use, because the window and
//! the command line share it, and a lock orders the changes of this process. Entries that cannot be parsed
//! are dropped with an error.
use std::io::ErrorKind;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use contract::{ErrorCode, ErrorView};
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::convert::storage_error;
use crate::files;

const VERSION: u32 = 1;

/// Describes one list.
pub(crate) struct ListKind {
    pub file: &'static str,
    pub field: &'static str,
    /// Completes "the list of ..." in messages.
    pub name: &'static str,
    /// The code of a file that cannot be parsed.
    pub unreadable: ErrorCode,
}

pub(crate) struct ListFile<T> {
    kind: &'static ListKind,
    path: PathBuf,
    writing: Mutex<()>,
    entries: PhantomData<fn() -> T>,
}

impl<T: Serialize + DeserializeOwned> ListFile<T> {
    /// Also returns the error of a list, or of entries, that cannot be parsed. The old file is kept under
    /// another name, and the valid entries stay in use. Where the folder is not writable, the file stays and
    /// every use fails.
    pub(crate) fn open(data_dir: &Path, kind: &'static ListKind) -> (Self, Option<ErrorView>) {
        let list = Self::new(data_dir, kind);
        let problem = list.recover().err();
        (list, problem)
    }

    fn new(data_dir: &Path, kind: &'static ListKind) -> Self {
        Self { kind, path: data_dir.join(kind.file), writing: Mutex::default(), entries: PhantomData }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Moves a damaged file aside and writes the valid entries.
    ///
    /// # Errors
    /// When the file was damaged, or still is.
    fn recover(&self) -> Result<(), ErrorView> {
        let keep = |error: std::io::Error| self.failed("keep the old", &error);
        let (problem, aside) = match self.read() {
            Ok((_, 0)) => return Ok(()),
            Ok((valid, invalid)) => {
                let aside = files::keep_copy(&self.path).map_err(keep)?;
                self.write(&valid)?;
                (self.unreadable(format!("{invalid} of its entries")), aside)
            }
            Err(problem) if problem.code == self.kind.unreadable => {
                (problem, files::set_aside(&self.path).map_err(keep)?)
            }
            Err(problem) => return Err(problem),
        };
        Err(problem.with("path", aside.display()))
    }

    /// All entries, the oldest first.
    pub(crate) fn all(&self) -> Result<Vec<T>, ErrorView> {
        match self.read()? {
            (entries, 0) => Ok(entries),
            (_, invalid) => Err(self.unreadable(format!("{invalid} of its entries"))),
        }
    }

    fn unreadable(&self, reason: impl std::fmt::Display) -> ErrorView {
        let message = format!("read the list of {}: {reason}", self.kind.name);
        ErrorView::new(self.kind.unreadable, message).with("path", self.path.display())
    }

    /// The valid entries, and the number of invalid ones.
    fn read(&self) -> Result<(Vec<T>, usize), ErrorView> {
        let text = match std::fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok((Vec::new(), 0)),
            Err(error) => return Err(self.failed("read the", &error)),
        };
        let mut list: Value = serde_json::from_slice(&text).map_err(|error| self.unreadable(error))?;
        if list["version"] != VERSION {
            return Err(self.unreadable(format!("version {} is not known", list["version"])));
        }
        let Some(Value::Array(entries)) = list.get_mut(self.kind.field).map(Value::take) else {
            return Err(self.unreadable(format!("it has no `{}`", self.kind.field)));
        };
        let all = entries.len();
        let valid: Vec<T> =
            entries.into_iter().filter_map(|entry| serde_json::from_value(entry).ok()).collect();
        let invalid = all - valid.len();
        Ok((valid, invalid))
    }

    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut Vec<T>) -> R) -> Result<R, ErrorView> {
        let _guard = self.writing.lock();
        let mut entries = self.all()?;
        let changed = change(&mut entries);
        self.write(&entries)?;
        Ok(changed)
    }

    fn write(&self, entries: &[T]) -> Result<(), ErrorView> {
        let text = serde_json::to_vec_pretty(&json!({"version": VERSION, (self.kind.field): entries}))
            .map_err(|error| ErrorView::new(ErrorCode::Internal, error.to_string()))?;
        files::replace(&self.path, &text).map_err(|error| self.failed("write the", &error))
    }

    fn failed(&self, what: &str, error: &std::io::Error) -> ErrorView {
        storage_error(&format!("{what} list of {}", self.kind.name), &self.path, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static KIND: ListKind = ListKind {
        file: "numbers.json",
        field: "numbers",
        name: "numbers",
        unreadable: ErrorCode::DownloadsUnreadable,
    };

    #[test]
    fn one_entry_that_cannot_be_read_costs_that_entry_and_is_said() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("numbers.json");
        for (text, left) in [
            (r#"{"version": 1, "numbers": [1, "two", 3, null]}"#, vec![1, 3]),
            (r#"{"version": 1, "numbers": 7}"#, vec![]),
            (r#"{"version": 2, "numbers": [1]}"#, vec![]),
            (r#"{"version": 1, "numbers": [1"#, vec![]),
            ("", vec![]),
        ] {
            std::fs::write(&path, text).expect("is written");
            let (list, problem) = ListFile::<u32>::open(folder.path(), &KIND);
            let problem = problem.expect("an error");
            assert_eq!(problem.code, ErrorCode::DownloadsUnreadable);
            assert_eq!(std::fs::read_to_string(&problem.detail["path"]).expect("is kept"), text);
            assert_eq!(list.all(), Ok(left), "{text}");
            assert_eq!(ListFile::<u32>::open(folder.path(), &KIND).1, None, "it is reported once");
            list.change(|numbers| numbers.push(9)).expect("it goes on");
        }
    }

    #[test]
    fn a_list_that_cannot_be_kept_is_not_written_over() {
        let folder = tempfile::tempdir().expect("a folder");
        // A folder of this name can be neither read nor replaced.
        std::fs::create_dir_all(folder.path().join("numbers.json/inside")).expect("is made");
        let (list, problem) = ListFile::<u32>::open(folder.path(), &KIND);
        assert!(problem.is_some());
        assert!(list.change(|numbers| numbers.push(1)).is_err());
        assert!(folder.path().join("numbers.json/inside").is_dir());
    }
}
