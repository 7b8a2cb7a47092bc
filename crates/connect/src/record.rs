//! What was there before our settings, kept in a small file per program, so that undoing can put it back:
//! each value that ours replaced, and the text between the first and the last change, for the case that
//! nothing else was changed since. Knows no format and no program.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use store::{StoreError, VersionedFile};

use crate::entry::{Entry, Kind};
use crate::tree::{self, At};
use crate::{ConnectError, Program};

/// The files of one program. Most have one, and Obsidian has one in each vault.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Book {
    pub files: BTreeMap<String, Record>,
}

/// What we did to one file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// There was no file.
    pub created: bool,
    pub settings: Vec<Kept>,
    /// `None` when a change of somebody else lies between two of ours.
    pub patch: Option<Patch>,
}

/// One of our settings, with what it replaced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub at: At,
    pub kind: Kind,
    pub ours: Json,
    pub before: Option<Json>,
    /// How many objects around it were made for it.
    pub made: usize,
}

/// The change of a text, from the first to the last sign that differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Patch {
    /// How many bytes are the same at the start and at the end.
    start: usize,
    end: usize,
    removed: String,
    inserted: String,
}

impl Patch {
    pub fn between(before: &str, after: &str) -> Self {
        let mut start = before.bytes().zip(after.bytes()).take_while(|(one, other)| one == other).count();
        while !before.is_char_boundary(start) || !after.is_char_boundary(start) {
            start -= 1;
        }
        let (before_rest, after_rest) = (&before[start..], &after[start..]);
        let pairs = before_rest.bytes().rev().zip(after_rest.bytes().rev());
        let mut end = pairs.take_while(|(one, other)| one == other).count();
        while !before.is_char_boundary(before.len() - end) || !after.is_char_boundary(after.len() - end) {
            end -= 1;
        }
        let removed = before_rest[..before_rest.len() - end].to_owned();
        let inserted = after_rest[..after_rest.len() - end].to_owned();
        Self { start, end, removed, inserted }
    }

    /// The texts from which this change may have made `text`, counted from the start and from the end. Both
    /// are guesses when the text was changed elsewhere since, and have to be checked.
    pub fn undone(&self, text: &str) -> impl Iterator<Item = String> {
        let length = self.inserted.len();
        let from_end = text.len().checked_sub(self.end + length);
        [Some(self.start), from_end].into_iter().flatten().filter_map(move |start| {
            let (head, rest) = (text.get(..start)?, text.get(start..)?);
            let tail = rest.strip_prefix(self.inserted.as_str())?;
            Some(format!("{head}{}{tail}", self.removed))
        })
    }

    /// The exact text from which `text` was made, if it was not changed since.
    pub fn source(&self, text: &str) -> Option<String> {
        (text.len() == self.start + self.inserted.len() + self.end)
            .then(|| self.undone(text).next())
            .flatten()
    }
}

impl Record {
    /// The record of writing these settings into a file, after those of an earlier time.
    pub fn new(old: Option<&Self>, before: Option<&str>, after: &str, was: &Json, entries: &[Entry]) -> Self {
        let old = old.filter(|old| old.settings.iter().any(|kept| kept.is_in(was)));
        let mut settings: Vec<Kept> = entries.iter().filter_map(|entry| kept(old, was, entry)).collect();
        // Settings that we wrote earlier and no longer need are still ours to take back.
        let earlier = old.iter().flat_map(|old| &old.settings);
        let rest: Vec<Kept> = earlier
            .filter(|kept| kept.is_in(was) && settings.iter().all(|new| new.at != kept.at))
            .cloned()
            .collect();
        settings.extend(rest);
        let text = before.unwrap_or_default();
        let source = match old {
            None => Some(text.to_owned()),
            Some(old) => old.patch.as_ref().and_then(|patch| patch.source(text)),
        };
        Self {
            created: old.map_or(before.is_none(), |old| old.created),
            settings,
            patch: source.map(|source| Patch::between(&source, after)),
        }
    }
}

/// A setting that was ours already keeps the value from before us.
fn kept(old: Option<&Record>, was: &Json, entry: &Entry) -> Option<Kept> {
    let current = tree::get(was, &entry.at);
    let earlier = old.and_then(|old| old.settings.iter().find(|kept| kept.at == entry.at));
    let earlier = earlier.filter(|kept| kept.is_in(was));
    // A field that the user's file had already is not ours.
    if entry.kind == Kind::Default && current.is_some() && earlier.is_none() {
        return None;
    }
    Some(Kept {
        at: entry.at.clone(),
        kind: entry.kind,
        ours: entry.value.json(),
        before: earlier.map_or_else(|| current.cloned(), |kept| kept.before.clone()),
        made: earlier.map_or_else(|| tree::missing_above(was, &entry.at), |kept| kept.made),
    })
}

impl Kept {
    /// Whether the setting is still ours there.
    pub fn is_in(&self, tree: &Json) -> bool {
        match (self.kind, tree::get(tree, &self.at)) {
            (_, None) => false,
            (Kind::Owned, Some(_)) => true,
            (Kind::Shared | Kind::Default, Some(current)) => *current == self.ours,
        }
    }
}

/// The file of the records of a program.
pub(crate) struct Shelf {
    file: VersionedFile<Book>,
}

impl Shelf {
    pub fn new(backups: &Path, program: Program) -> Self {
        let path = backups.join(format!("{}.json", program.id()));
        Self { file: VersionedFile::new(path, "record of changed settings") }
    }

    pub fn record(&self, path: &Path) -> Result<Option<Record>, ConnectError> {
        // One that cannot be read is moved aside, so that the next try works.
        self.file.recover().map_err(refused)?;
        let book = self.file.read().map_err(refused)?;
        Ok(book.and_then(|mut book| book.files.remove(&name(path))))
    }

    /// Keeps the record, or forgets it.
    pub fn put(&self, path: &Path, record: Option<Record>) -> Result<(), ConnectError> {
        if record.is_none() && self.record(path)?.is_none() {
            return Ok(());
        }
        let changed = self.file.change(|book| match record {
            Some(record) => drop(book.files.insert(name(path), record)),
            None => drop(book.files.remove(&name(path))),
        });
        changed.map_err(refused)
    }
}

fn name(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn refused(error: StoreError) -> ConnectError {
    let (StoreError::Io { path, .. } | StoreError::Unreadable { path, .. }) = &error;
    ConnectError::record(
        path,
        match &error {
            StoreError::Io { source, .. } => source.to_string(),
            StoreError::Unreadable { reason, .. } => reason.clone(),
        },
    )
}
