//! A list in a small file of its own, `{"version": 1, "<field>": [..]}`. Read at each use, because the window and the
//! command line share it; changed by one at a time within this process. One entry that cannot be read costs that entry, and
//! never silently.
use std::io::ErrorKind;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use contract::{ErrorCode, ErrorView};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::convert::storage_error;
use crate::files;

const VERSION: u32 = 1;

/// Which list, and how it is spoken of.
pub(crate) struct Kind {
    pub file: &'static str,
    pub field: &'static str,
    /// After "the list of".
    pub name: &'static str,
    /// For one that no version of this app wrote.
    pub unreadable: ErrorCode,
}

pub(crate) struct ListFile<T> {
    kind: &'static Kind,
    path: PathBuf,
    writing: Mutex<()>,
    entries: PhantomData<fn() -> T>,
}

impl<T: Serialize + DeserializeOwned> ListFile<T> {
    /// With the problem of a list, or of some entries, that cannot be read. The old file is kept beside, and what can be read
    /// goes on. Where nothing can be written, the file stays as it is and every use says so.
    pub(crate) fn open(data_dir: &Path, kind: &'static Kind) -> (Self, Option<ErrorView>) {
        let list = Self::new(data_dir, kind);
        let problem = list.put_right().err();
        (list, problem)
    }

    fn new(data_dir: &Path, kind: &'static Kind) -> Self {
        Self { kind, path: data_dir.join(kind.file), writing: Mutex::default(), entries: PhantomData }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// # Errors
    /// With what was wrong, or is.
    fn put_right(&self) -> Result<(), ErrorView> {
        let keep = |error: std::io::Error| self.failed("keep the old", &error);
        let (problem, aside) = match self.read() {
            Ok((_, 0)) => return Ok(()),
            Ok((good, bad)) => {
                let aside = files::keep_copy(&self.path).map_err(keep)?;
                self.write(&good)?;
                (self.unreadable(format!("{bad} of its entries")), aside)
            }
            Err(problem) if problem.code == self.kind.unreadable => {
                (problem, files::set_aside(&self.path).map_err(keep)?)
            }
            Err(problem) => return Err(problem),
        };
        Err(problem.with("path", aside.display()))
    }

    /// Every one, the earliest first.
    pub(crate) fn all(&self) -> Result<Vec<T>, ErrorView> {
        match self.read()? {
            (entries, 0) => Ok(entries),
            (_, bad) => Err(self.unreadable(format!("{bad} of its entries"))),
        }
    }

    fn unreadable(&self, why: impl std::fmt::Display) -> ErrorView {
        let message = format!("read the list of {}: {why}", self.kind.name);
        ErrorView::new(self.kind.unreadable, message).with("path", self.path.display())
    }

    /// The entries that can be read, and how many cannot.
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
        let good: Vec<T> =
            entries.into_iter().filter_map(|entry| serde_json::from_value(entry).ok()).collect();
        let bad = all - good.len();
        Ok((good, bad))
    }

    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut Vec<T>) -> R) -> Result<R, ErrorView> {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
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

    static KIND: Kind = Kind {
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
            let problem = problem.expect("is said");
            assert_eq!(problem.code, ErrorCode::DownloadsUnreadable);
            assert_eq!(std::fs::read_to_string(&problem.detail["path"]).expect("is kept"), text);
            assert_eq!(list.all(), Ok(left), "{text}");
            assert_eq!(ListFile::<u32>::open(folder.path(), &KIND).1, None, "it is said once");
            list.change(|numbers| numbers.push(9)).expect("it goes on");
        }
    }

    #[test]
    fn a_list_that_cannot_be_kept_is_not_written_over() {
        let folder = tempfile::tempdir().expect("a folder");
        // A folder of this name is neither read nor replaced.
        std::fs::create_dir_all(folder.path().join("numbers.json/inside")).expect("is made");
        let (list, problem) = ListFile::<u32>::open(folder.path(), &KIND);
        assert!(problem.is_some());
        assert!(list.change(|numbers| numbers.push(1)).is_err());
        assert!(folder.path().join("numbers.json/inside").is_dir());
    }
}
