//! Takes our settings back: exactly those, with the values that they replaced, also when the user changed
//! other parts of the file since. Knows the settings of no program.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::entry::Kind;
use crate::error::Flaw;
use crate::format::Format;
use crate::plan::{connected, parsed};
use crate::programs::{self, Route, Site};
use crate::record::{Kept, Record, Shelf};
use crate::tree::{self, At, Edit};
use crate::{ConnectError, Places, Program, Server, file};

/// What undoing did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undone {
    /// The file.
    pub path: PathBuf,
    /// It was ours alone and is gone.
    pub deleted: bool,
    /// Settings that we wrote and the user changed since. They stay.
    pub kept: Vec<String>,
}

/// Removes our settings from the program's file, and puts back what they replaced.
///
/// # Errors
/// When nothing of ours is in the file, or it cannot be read or written, or has an error. It is unchanged
/// then.
pub fn undo(program: Program, places: &Places, backups: &Path) -> Result<Undone, ConnectError> {
    let Route::File(site) = programs::route(program, places)? else {
        return Err(nothing(&programs::folder(program, places), "this program was set up by hand"));
    };
    let path = site.path.clone();
    let shelf = Shelf::new(backups, program);
    let record = shelf.record(&path)?;
    let Some(text) = file::read(&path)? else {
        shelf.put(&path, None)?;
        return Err(nothing(&path, "the file does not exist"));
    };
    let tree = parsed(site.format, &text, &path)?;
    let record = match record {
        Some(record) => record,
        None => guessed(program, places, backups, &site)?,
    };
    let Some(plan) = Reversal::of(&record, &tree) else {
        shelf.put(&path, None)?;
        return Err(nothing(&path, "none of our settings is in it"));
    };
    let restored = plan.text(site.format, &text, &tree, &record).map_err(|flaw| flaw.of(&path))?;
    match &restored {
        Some(text) => file::write(&path, text)?,
        None => file::remove(&path)?,
    }
    shelf.put(&path, None)?;
    Ok(Undone { path, deleted: restored.is_none(), kept: plan.kept })
}

fn nothing(path: &Path, reason: &str) -> ConnectError {
    ConnectError::NothingToUndo { path: path.to_owned(), reason: reason.to_owned() }
}

/// A record for settings that have our name, when there is none: nothing is known of what was before.
fn guessed(program: Program, places: &Places, backups: &Path, site: &Site) -> Result<Record, ConnectError> {
    let Some(found) = connected(program, places, backups)? else {
        return Err(nothing(&site.path, "none of our settings is in it"));
    };
    let model = found.model.unwrap_or_default();
    let server = Server { base: found.base, key: String::new(), model, context: None, output: None };
    let entries = programs::entries(program, &server, site.format).into_iter();
    let settings = entries.filter(|entry| entry.kind != Kind::Default).map(|entry| Kept {
        made: entry.at.len().saturating_sub(1),
        ours: entry.value.json(),
        at: entry.at,
        kind: entry.kind,
        before: None,
    });
    Ok(Record { created: false, settings: settings.collect(), patch: None })
}

/// What has to change to take our settings back.
struct Reversal {
    edits: Vec<Edit>,
    /// Objects that were made around our settings, the innermost first.
    made: Vec<At>,
    /// What a file of ours had to have.
    defaults: Vec<Edit>,
    kept: Vec<String>,
}

impl Reversal {
    /// `None` when none of our settings is there.
    fn of(record: &Record, tree: &Json) -> Option<Self> {
        let mut plan = Self { edits: Vec::new(), made: Vec::new(), defaults: Vec::new(), kept: Vec::new() };
        for kept in &record.settings {
            let current = tree::get(tree, &kept.at);
            if kept.kind == Kind::Default {
                if kept.is_in(tree) {
                    plan.defaults.push(Edit::Remove(kept.at.clone()));
                }
            } else if kept.is_in(tree) {
                plan.edits.push(match &kept.before {
                    Some(before) => Edit::Set(kept.at.clone(), before.clone().into()),
                    None => Edit::Remove(kept.at.clone()),
                });
                let made = (kept.at.len() - kept.made..kept.at.len()).rev();
                plan.made.extend(made.map(|depth| kept.at[..depth].to_vec()));
            } else if current.is_some() && current != kept.before.as_ref() {
                plan.kept.push(tree::words(&kept.at));
            }
        }
        (!plan.edits.is_empty()).then_some(plan)
    }

    /// The text without our settings; `None` when the file was made for them and has nothing else.
    fn text(&self, format: Format, text: &str, tree: &Json, record: &Record) -> Result<Option<String>, Flaw> {
        if let Some(exact) = self.exact(format, text, tree, record)? {
            return Ok(Some(exact).filter(|text| !(record.created && text.is_empty())));
        }
        let mut edited = format.edit(text, &self.edits)?;
        for at in &self.made {
            if format.is_bare(&edited, at) {
                edited = format.edit(&edited, &[Edit::Remove(at.clone())])?;
            }
        }
        // Where lines cannot take the rest of ours, something of the user is between them.
        let rest = format.edit(&edited, &self.defaults).unwrap_or_else(|_| edited.clone());
        let signs: String = rest.split_whitespace().collect();
        let is_empty = record.created && ["", "{}", "[]"].contains(&signs.as_str());
        Ok(Some(edited).filter(|_| !is_empty))
    }

    /// The text from before, with what the user changed elsewhere, if it says what it should: the edits may
    /// set lines and spaces otherwise.
    fn exact(
        &self,
        format: Format,
        text: &str,
        tree: &Json,
        record: &Record,
    ) -> Result<Option<String>, Flaw> {
        let Some(patch) = &record.patch else { return Ok(None) };
        let mut goal = tree.clone();
        for edit in &self.edits {
            edit.make(&mut goal)?;
        }
        let mut rest = goal.clone();
        for edit in &self.defaults {
            edit.make(&mut rest)?;
        }
        let says =
            |text: &String, wanted: &Json| format.parse(text).is_ok_and(|tree| tree::same(&tree, wanted));
        let unchanged = patch.source(text).filter(|text| says(text, &rest));
        Ok(unchanged.or_else(|| patch.undone(text).find(|text| says(text, &goal))))
    }
}
