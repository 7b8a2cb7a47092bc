//! One value in a JSON file, `{"version": 1, ..}` with the fields of the value. It is read at each use,
//! because the window and the command line share it, and a lock orders the changes of this process.
use std::marker::PhantomData;
use std::path::PathBuf;

use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::named_file::{NamedFile, StoreError};

const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    version: u32,
    #[serde(flatten)]
    value: T,
}

#[derive(Debug)]
pub struct VersionedFile<T> {
    file: NamedFile,
    writing: Mutex<()>,
    value: PhantomData<fn() -> T>,
}

impl<T: Serialize + DeserializeOwned> VersionedFile<T> {
    /// `name` completes "read the ..." in messages.
    pub fn new(path: PathBuf, name: &str) -> Self {
        Self {
            file: NamedFile { path, name: name.to_owned() },
            writing: Mutex::default(),
            value: PhantomData,
        }
    }

    /// `None` where there is no file.
    pub fn read(&self) -> Result<Option<T>, StoreError> {
        let Some(bytes) = self.file.read()? else { return Ok(None) };
        let parsed: Versioned<T> =
            serde_json::from_slice(&bytes).map_err(|error| self.file.unreadable(error))?;
        if parsed.version == VERSION {
            Ok(Some(parsed.value))
        } else {
            Err(self.file.unreadable(format!("version {} is not known", parsed.version)))
        }
    }

    pub fn write(&self, value: &T) -> Result<(), StoreError> {
        let _guard = self.writing.lock();
        self.file.write(&Versioned { version: VERSION, value })
    }

    /// Changes the value, or the default where there is no file.
    pub fn change<R>(&self, change: impl FnOnce(&mut T) -> R) -> Result<R, StoreError>
    where
        T: Default,
    {
        let _guard = self.writing.lock();
        let mut value = self.read()?.unwrap_or_default();
        let changed = change(&mut value);
        self.file.write(&Versioned { version: VERSION, value })?;
        Ok(changed)
    }

    /// Moves a file that cannot be parsed aside.
    ///
    /// # Errors
    /// When it could not be parsed, with its new path, or could not be read or moved.
    pub fn recover(&self) -> Result<(), StoreError> {
        match self.read() {
            Err(error @ StoreError::Unreadable { .. }) => Err(error.kept_at(&self.file.set_aside()?)),
            read => read.map(drop),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    struct Count {
        count: u32,
    }

    #[test]
    fn a_value_is_read_again_and_a_file_of_something_else_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("count.json");
        let file = VersionedFile::<Count>::new(path.clone(), "count");
        assert_eq!(file.read().expect("is none"), None);
        file.change(|value| value.count += 1).expect("is written");
        let text = std::fs::read_to_string(&path).expect("reads");
        assert_eq!(text, "{\n  \"version\": 1,\n  \"count\": 1\n}");
        for text in ["{", "{\"version\": 7, \"count\": 1}", "{\"version\": 1}"] {
            std::fs::write(&path, text).expect("is written");
            assert!(file.change(|value| value.count += 1).is_err(), "it is not written over: {text}");
            let problem = file.recover().expect_err("an error");
            let StoreError::Unreadable { path: kept, .. } = problem else { panic!("{problem:?}") };
            assert_eq!(std::fs::read_to_string(kept).expect("is kept"), text);
            file.recover().expect("it is reported once");
        }
        file.write(&Count { count: 5 }).expect("is written");
        assert_eq!(file.read().expect("reads"), Some(Count { count: 5 }));
    }
}
