//! OpenCode takes providers from `opencode.json` or `opencode.jsonc` in its folder, of which the second wins.
//! Documented at opencode.ai, config and providers; seen to work with 1.18.33.

use std::path::PathBuf;

use serde_json::Value as Json;

use super::{Found, ID, NAME, is_file, text};
use crate::entry::Entry;
use crate::tree::Part;
use crate::value::Value;
use crate::{Places, Server};

pub(super) fn path(places: &Places) -> PathBuf {
    let commented = places.opencode.join("opencode.jsonc");
    if is_file(&commented) { commented } else { places.opencode.join("opencode.json") }
}

pub(super) fn entries(server: &Server) -> Vec<Entry> {
    let model = format!("{ID}/{}", server.model);
    // Without limits OpenCode never shortens a conversation.
    let limit = Value::table([("context", server.tokens().into()), ("output", server.answer().into())]);
    let ours = Value::table([("name", server.model.as_str().into()), ("limit", limit)]);
    let provider = Value::table([
        ("npm", "@ai-sdk/openai-compatible".into()),
        ("name", NAME.into()),
        ("options", Value::table([("baseURL", server.v1().into()), ("apiKey", server.key.as_str().into())])),
        ("models", Value::table([(server.model.as_str(), ours)])),
    ]);
    vec![
        Entry::default("$schema", "https://opencode.ai/config.json"),
        Entry::shared(&["model"], model.as_str()),
        // Titles of conversations are written by it, and by a service elsewhere without it.
        Entry::shared(&["small_model"], model.as_str()),
        Entry::owned(vec![Part::key("provider"), Part::key(ID)], provider),
    ]
}

pub(super) fn found(tree: &Json) -> Option<Found> {
    let base = text(tree, &["provider", ID, "options", "baseURL"])?;
    let model = text(tree, &["model"]);
    let model = model.and_then(|model| model.strip_prefix(ID)?.strip_prefix('/').map(str::to_owned));
    Some(Found { base, model })
}
