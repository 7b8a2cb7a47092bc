//! Why a program could not be connected or disconnected. Each error names the file and the reason, as a plain
//! sentence. Knows no format.

use std::path::{Path, PathBuf};

/// An error of reading, planning, writing or undoing. The file is unchanged after each of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The system does not let us read the file.
    #[error("{} could not be read: {reason}.", path.display())]
    Unreadable { path: PathBuf, reason: String },
    /// It is larger than settings are.
    #[error("{} was not read: {reason}.", path.display())]
    TooLarge { path: PathBuf, reason: String },
    /// It is not in the format of the program.
    #[error("{} has an error in line {line}: {reason}. It was left as it is.", path.display())]
    Broken { path: PathBuf, line: usize, reason: String },
    /// It is in the format, but has something else at the place of our settings.
    #[error("{} was left as it is: {reason}.", path.display())]
    Unsuitable { path: PathBuf, reason: String },
    /// It is not what it was when the difference was shown.
    #[error("{} was left as it is: {reason}.", path.display())]
    Changed { path: PathBuf, reason: String },
    /// The system does not let us write the file.
    #[error("{} could not be written: {reason}.", path.display())]
    Unwritable { path: PathBuf, reason: String },
    /// There is nothing of ours to take back.
    #[error("Nothing was undone in {}: {reason}.", path.display())]
    NothingToUndo { path: PathBuf, reason: String },
    /// What was there before our settings is not known, because the record of it cannot be used.
    #[error("The record {} could not be used: {reason}.", path.display())]
    Record { path: PathBuf, reason: String },
    /// The address, the key or the name of the model cannot be written into settings.
    #[error("{} was not changed: {reason}.", path.display())]
    Server { path: PathBuf, reason: String },
}

/// What is wrong with a text, before it is known which file it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// Where the parser stopped; `None` when the text is in the format.
    pub line: Option<usize>,
    pub reason: String,
}

impl Flaw {
    pub fn shape(reason: impl Into<String>) -> Self {
        Self { line: None, reason: reason.into() }
    }

    pub fn broken(line: usize, reason: &str) -> Self {
        Self { line: Some(line), reason: plain(reason) }
    }

    pub fn of(self, path: &Path) -> ConnectError {
        let (path, reason) = (path.to_owned(), self.reason);
        match self.line {
            Some(line) => ConnectError::Broken { path, line, reason },
            None => ConnectError::Unsuitable { path, reason },
        }
    }
}

impl ConnectError {
    pub(crate) fn unreadable(path: &Path, reason: impl std::fmt::Display) -> Self {
        Self::Unreadable { path: path.to_owned(), reason: plain(&reason.to_string()) }
    }

    pub(crate) fn unwritable(path: &Path, reason: impl std::fmt::Display) -> Self {
        Self::Unwritable { path: path.to_owned(), reason: plain(&reason.to_string()) }
    }

    pub(crate) fn record(path: &Path, reason: impl std::fmt::Display) -> Self {
        Self::Record { path: path.to_owned(), reason: plain(&reason.to_string()) }
    }
}

/// The first line of what a parser or the system says, without what it puts in parentheses and without a full
/// stop, so that it can end a sentence.
pub(crate) fn plain(reason: &str) -> String {
    let mut depth = 0_usize;
    let mut words = String::new();
    for sign in reason.lines().next().unwrap_or_default().chars() {
        match sign {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => words.push(sign),
            _ => {}
        }
    }
    words.trim().trim_end_matches('.').replace("  ", " ").trim_end().to_owned()
}
