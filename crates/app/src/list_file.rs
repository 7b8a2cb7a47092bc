//! A list in a small file of its own, `{"version": 1, "<field>": [..]}`. Read at each use, because the window and the
//! command line share it; changed by one at a time within this process.
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
    /// A list that cannot be read is moved aside, and the problem is told beside the empty one.
    ///
    /// # Errors
    /// When the file can be neither read nor moved.
    pub(crate) fn open(data_dir: &Path, kind: &'static Kind) -> Result<(Self, Option<ErrorView>), ErrorView> {
        let (path, writing) = (data_dir.join(kind.file), Mutex::default());
        let list = Self { kind, path, writing, entries: PhantomData };
        let Err(problem) = list.all() else { return Ok((list, None)) };
        if problem.code != kind.unreadable {
            return Err(problem);
        }
        let aside = files::set_aside(&list.path).map_err(|error| list.failed("keep the old", &error))?;
        Ok((list, Some(problem.with("path", aside.display()))))
    }

    /// Every one, the earliest first.
    pub(crate) fn all(&self) -> Result<Vec<T>, ErrorView> {
        let unreadable = |why: String| {
            let message = format!("read the list of {}: {why}", self.kind.name);
            ErrorView::new(self.kind.unreadable, message).with("path", self.path.display())
        };
        let text = match std::fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.failed("read the", &error)),
        };
        let mut list: Value = serde_json::from_slice(&text).map_err(|error| unreadable(error.to_string()))?;
        if list["version"] != VERSION {
            return Err(unreadable(format!("version {} is not known", list["version"])));
        }
        let entries = list.get_mut(self.kind.field).map_or(Value::Null, Value::take);
        serde_json::from_value(entries).map_err(|error| unreadable(error.to_string()))
    }

    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut Vec<T>) -> R) -> Result<R, ErrorView> {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut entries = self.all()?;
        let changed = change(&mut entries);
        let text = serde_json::to_vec_pretty(&json!({"version": VERSION, (self.kind.field): entries}))
            .map_err(|error| ErrorView::new(ErrorCode::Internal, error.to_string()))?;
        files::replace(&self.path, &text).map_err(|error| self.failed("write the", &error))?;
        Ok(changed)
    }

    fn failed(&self, what: &str, error: &std::io::Error) -> ErrorView {
        storage_error(&format!("{what} list of {}", self.kind.name), &self.path, error)
    }
}
