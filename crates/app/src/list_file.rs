//! The lists of the data folder, with the code that a user gets for one that cannot be parsed.
//! `store` reads, writes and recovers them.
use std::path::Path;

use contract::{ErrorCode, ErrorView};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::convert::store_error;

/// Describes one list.
pub(crate) struct ListKind {
    pub list: store::ListKind,
    /// The code of a file that cannot be parsed.
    pub unreadable: ErrorCode,
}

pub(crate) struct ListFile<T> {
    list: store::ListFile<T>,
    unreadable: ErrorCode,
}

impl<T: Serialize + DeserializeOwned> ListFile<T> {
    /// As [`store::ListFile::open`].
    pub(crate) fn open(data_dir: &Path, kind: &ListKind) -> (Self, Option<ErrorView>) {
        let (list, problem) = store::ListFile::open(data_dir, &kind.list);
        let list = Self { list, unreadable: kind.unreadable };
        let problem = problem.map(|error| store_error(error, kind.unreadable));
        (list, problem)
    }

    pub(crate) fn path(&self) -> &Path {
        self.list.path()
    }

    /// All entries, the oldest first.
    pub(crate) fn all(&self) -> Result<Vec<T>, ErrorView> {
        self.list.all().map_err(|error| store_error(error, self.unreadable))
    }

    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut Vec<T>) -> R) -> Result<R, ErrorView> {
        self.list.change(change).map_err(|error| store_error(error, self.unreadable))
    }
}

/// An id made of the name in ASCII letters and digits, or `default` where it has none, with a number when it
/// is taken.
pub(crate) fn free_id(name: &str, default: &str, taken: impl Fn(&str) -> bool) -> String {
    let plain: String = name
        .to_lowercase()
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' })
        .collect();
    let words: Vec<&str> = plain.split('-').filter(|word| !word.is_empty()).collect();
    let base = if words.is_empty() { default.to_owned() } else { words.join("-") };
    let numbered = (2u32..).map(|number| format!("{base}-{number}"));
    std::iter::once(base.clone()).chain(numbered).find(|id| !taken(id)).unwrap_or(base)
}
