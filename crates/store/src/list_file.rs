//! A list in a JSON file, `{"version": 1, "<field>": [..]}`. It is read at each use, because the window and
//! the command line share it, and a lock orders the changes of this process. Entries that cannot be parsed
//! are dropped with an error.
use std::marker::PhantomData;
use std::path::Path;

use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::named_file::{NamedFile, StoreError};

const VERSION: u32 = 1;

/// Describes one list.
#[derive(Debug)]
pub struct ListKind {
    pub file: &'static str,
    pub field: &'static str,
    /// Completes "the list of ..." in messages.
    pub name: &'static str,
}

#[derive(Debug)]
pub struct ListFile<T> {
    file: NamedFile,
    field: &'static str,
    writing: Mutex<()>,
    entries: PhantomData<fn() -> T>,
}

impl<T: Serialize + DeserializeOwned> ListFile<T> {
    /// Also returns the error of a list, or of entries, that cannot be parsed. The old file is kept under
    /// another name, and the valid entries stay in use. Where the folder is not writable, the file stays and
    /// every use fails.
    pub fn open(folder: &Path, kind: &ListKind) -> (Self, Option<StoreError>) {
        let file = NamedFile { path: folder.join(kind.file), name: format!("list of {}", kind.name) };
        let list = Self { file, field: kind.field, writing: Mutex::default(), entries: PhantomData };
        let problem = list.recover().err();
        (list, problem)
    }

    pub fn path(&self) -> &Path {
        &self.file.path
    }

    /// Moves a damaged file aside and writes the valid entries.
    ///
    /// # Errors
    /// When the file was damaged, or still is.
    fn recover(&self) -> Result<(), StoreError> {
        let (problem, aside) = match self.read() {
            Ok((_, 0)) => return Ok(()),
            Ok((valid, invalid)) => {
                let aside = self.file.keep_copy()?;
                self.write(&valid)?;
                (self.invalid(invalid), aside)
            }
            Err(problem @ StoreError::Unreadable { .. }) => (problem, self.file.set_aside()?),
            Err(problem) => return Err(problem),
        };
        Err(problem.kept_at(&aside))
    }

    /// All entries, the oldest first.
    pub fn all(&self) -> Result<Vec<T>, StoreError> {
        match self.read()? {
            (entries, 0) => Ok(entries),
            (_, invalid) => Err(self.invalid(invalid)),
        }
    }

    pub fn change<R>(&self, change: impl FnOnce(&mut Vec<T>) -> R) -> Result<R, StoreError> {
        let _guard = self.writing.lock();
        let mut entries = self.all()?;
        let changed = change(&mut entries);
        self.write(&entries)?;
        Ok(changed)
    }

    /// The valid entries, and the number of invalid ones.
    fn read(&self) -> Result<(Vec<T>, usize), StoreError> {
        let Some(text) = self.file.read()? else { return Ok((Vec::new(), 0)) };
        let mut list: Value = serde_json::from_slice(&text).map_err(|error| self.file.unreadable(error))?;
        if list["version"] != VERSION {
            return Err(self.file.unreadable(format!("version {} is not known", list["version"])));
        }
        let Some(Value::Array(entries)) = list.get_mut(self.field).map(Value::take) else {
            return Err(self.file.unreadable(format!("it has no `{}`", self.field)));
        };
        let all = entries.len();
        let valid: Vec<T> =
            entries.into_iter().filter_map(|entry| serde_json::from_value(entry).ok()).collect();
        let invalid = all - valid.len();
        Ok((valid, invalid))
    }

    fn write(&self, entries: &[T]) -> Result<(), StoreError> {
        self.file.write(&json!({"version": VERSION, (self.field): entries}))
    }

    fn invalid(&self, count: usize) -> StoreError {
        self.file.unreadable(format!("{count} of its entries"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static KIND: ListKind = ListKind { file: "numbers.json", field: "numbers", name: "numbers" };

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
            let Some(StoreError::Unreadable { path: kept, .. }) = problem else { panic!("{problem:?}") };
            assert_eq!(std::fs::read_to_string(kept).expect("is kept"), text);
            assert_eq!(list.all().expect("reads"), left, "{text}");
            assert!(ListFile::<u32>::open(folder.path(), &KIND).1.is_none(), "it is reported once");
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
