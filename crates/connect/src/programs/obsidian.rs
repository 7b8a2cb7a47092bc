//! The Copilot plugin of Obsidian keeps its settings in a file of the vault. Since 3.3 keys are in the
//! keychain of the system, where we cannot put one, so these versions are set up by hand; older ones take a
//! model with its key from the file. The form is that of logancyang/obsidian-copilot; not seen to run here.

use std::path::Path;

use serde_json::Value as Json;

use super::{Found, NAME, Route, Site, text};
use crate::entry::Entry;
use crate::file;
use crate::steps::{Field, Step};
use crate::tree::{self, Part};
use crate::value::Value;
use crate::{ConnectError, Places, Server};

const FOLDER: &str = ".obsidian/plugins/copilot";
const PROVIDER: &str = "3rd party (openai-format)";

/// The first version whose keys are in the keychain.
const KEYCHAIN: (u32, u32) = (3, 3);

pub(super) fn route(places: &Places) -> Result<Route, ConnectError> {
    let Some(folder) = places.vault.as_deref().map(|vault| vault.join(FOLDER)) else {
        return Ok(Route::Hand);
    };
    if version(&folder)?.is_none_or(|version| version >= KEYCHAIN) {
        return Ok(Route::Hand);
    }
    Ok(Site::json(folder.join("data.json")))
}

/// The version of the plugin in a vault, if it is there.
fn version(folder: &Path) -> Result<Option<(u32, u32)>, ConnectError> {
    let Some(manifest) = file::read(&folder.join("manifest.json"))? else { return Ok(None) };
    let manifest: Json = serde_json::from_str(&manifest).unwrap_or_default();
    let version = text(&manifest, &["version"]).unwrap_or_default();
    let mut numbers = version.split('.').map_while(|number| number.parse().ok());
    Ok(numbers.next().zip(numbers.next()))
}

fn ours() -> Part {
    Part::item([("displayName", NAME), ("provider", PROVIDER)])
}

pub(super) fn entries(server: &Server) -> Vec<Entry> {
    let model = Value::table([
        ("name", server.model.as_str().into()),
        ("provider", PROVIDER.into()),
        ("displayName", NAME.into()),
        ("baseUrl", server.v1().into()),
        ("apiKey", server.key.as_str().into()),
        ("enabled", true.into()),
        ("isBuiltIn", false.into()),
        // With it the plugin waits for the whole answer; without it the server must allow the origin.
        ("enableCors", false.into()),
        ("stream", true.into()),
    ]);
    vec![
        Entry::owned(vec![Part::key("activeModels"), ours()], model),
        Entry::shared(&["defaultModelKey"], format!("{}|{PROVIDER}", server.model)),
    ]
}

pub(super) fn found(tree: &Json) -> Option<Found> {
    let ours = tree::get(tree, &[Part::key("activeModels"), ours()])?;
    let chosen = text(tree, &["defaultModelKey"]);
    let model = text(ours, &["name"]).filter(|name| chosen == Some(format!("{name}|{PROVIDER}")));
    Some(Found { base: text(ours, &["baseUrl"])?, model })
}

/// Obsidian reads the file when it starts, and writes its own settings over it while it runs.
pub(super) fn left() -> Vec<Step> {
    vec![Step::Restart]
}

pub(super) fn steps(server: &Server, places: &Places) -> Vec<Step> {
    let is_there = places.vault.as_deref().is_none_or(|vault| vault.join(FOLDER).is_dir());
    let mut steps = Vec::new();
    if !is_there {
        steps.push(Step::Install { name: "Copilot" });
    }
    steps.extend([
        Step::Open { labels: &["Settings", "Copilot", "BYOK", "Add a provider", "Add a custom provider"] },
        Step::Enter { field: Field::Name, value: NAME.to_owned() },
        Step::Enter { field: Field::Address, value: server.v1() },
        Step::Enter { field: Field::Key, value: server.key.clone() },
        Step::Enter { field: Field::Model, value: server.model.clone() },
    ]);
    steps
}
