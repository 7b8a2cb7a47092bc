//! Plans the connection of a program, and tells whether it is connected.
//! Writes nothing, and knows the settings of no program.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::change::FileChange;
use crate::entry::{Entry, Kind};
use crate::format::Format;
use crate::programs::{self, Route, Site};
use crate::record::Shelf;
use crate::steps::Steps;
use crate::tree::{self, Edit};
use crate::{ConnectError, Places, Program, Server, file};

/// How a program can be connected.
#[derive(Debug, Clone)]
pub enum Plan {
    /// By a change of its file, and the steps that are left after it.
    File(Box<FileChange>),
    /// By hand.
    Steps(Steps),
}

/// What a program's settings say of us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connected {
    /// The file with our settings.
    pub path: PathBuf,
    /// The address they have, without `/v1`.
    pub base: String,
    /// The model, if it is the one that the program uses by itself.
    pub model: Option<String>,
}

/// Plans what has to change so that the program uses the server.
///
/// # Errors
/// When the server cannot be written into settings, or the file cannot be read, has an error, or has
/// something else in the place of our settings.
pub fn plan(program: Program, server: &Server, places: &Places) -> Result<Plan, ConnectError> {
    let server = server.checked(&programs::folder(program, places))?;
    let site = match programs::route(program, places)? {
        Route::File(site) => site,
        Route::Hand => return Ok(Plan::Steps(programs::steps(program, &server, places))),
    };
    let before = file::read(&site.path)?;
    let text = before.clone().unwrap_or_default();
    let refused = |flaw: crate::error::Flaw| flaw.of(&site.path);
    let was = site.format.parse(&text).map_err(refused)?;
    let entries = programs::entries(program, &server, site.format);
    let after = site.format.edit(&text, &edits(&was, &entries)).map_err(refused)?;
    let secrets = secrets(&server, &was, &entries);
    let left = programs::left(program, &server);
    let path = site.path;
    Ok(Plan::File(Box::new(FileChange { program, path, before, after, left, was, entries, secrets })))
}

fn edits(was: &Json, entries: &[Entry]) -> Vec<Edit> {
    let is_needed = |entry: &&Entry| entry.kind != Kind::Default || tree::get(was, &entry.at).is_none();
    entries.iter().filter(is_needed).map(|entry| Edit::Set(entry.at.clone(), entry.value.clone())).collect()
}

/// Our key, and the keys of others that ours replaces; the longest first, as one may be a part of another.
fn secrets(server: &Server, was: &Json, entries: &[Entry]) -> Vec<String> {
    let mut secrets = vec![server.key.clone()];
    for entry in entries {
        if let Some(old) = tree::get(was, &entry.at) {
            collect(&tree::words(&entry.at), old, &mut secrets);
        }
    }
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets
}

fn collect(name: &str, value: &Json, secrets: &mut Vec<String>) {
    let name = name.to_ascii_lowercase().replace(['_', '-'], "");
    match value {
        Json::String(text) if !text.is_empty() && (name.ends_with("key") || name.ends_with("token")) => {
            secrets.push(text.clone());
        }
        Json::Object(fields) => fields.iter().for_each(|(name, value)| collect(name, value, secrets)),
        Json::Array(items) => items.iter().for_each(|value| collect(&name, value, secrets)),
        _ => {}
    }
}

/// Whether the program's file has our settings now, and which address they say. `None` for a program that has
/// no file for them.
///
/// # Errors
/// When the file cannot be read or has an error.
pub fn connected(
    program: Program,
    places: &Places,
    backups: &Path,
) -> Result<Option<Connected>, ConnectError> {
    let Route::File(site) = programs::route(program, places)? else { return Ok(None) };
    let Some(tree) = tree_of(&site)? else { return Ok(None) };
    let Some(found) = programs::found(program, &tree, site.format) else { return Ok(None) };
    // Settings without our name may be those of another server: only the record knows.
    if !programs::are_named(program) {
        let record = Shelf::new(backups, program).record(&site.path)?;
        if !record.is_some_and(|record| record.settings.iter().any(|kept| kept.is_in(&tree))) {
            return Ok(None);
        }
    }
    let base = found.base.trim_end_matches("/v1").to_owned();
    Ok(Some(Connected { path: site.path, base, model: found.model }))
}

/// What the file says, if there is one.
pub(crate) fn tree_of(site: &Site) -> Result<Option<Json>, ConnectError> {
    let Some(text) = file::read(&site.path)? else { return Ok(None) };
    parsed(site.format, &text, &site.path).map(Some)
}

pub(crate) fn parsed(format: Format, text: &str, path: &Path) -> Result<Json, ConnectError> {
    format.parse(text).map_err(|flaw| flaw.of(path))
}
