//! The chat of VS Code takes models of other services from `chatLanguageModels.json` of the profile, as
//! groups with the vendor `customendpoint`, since version 1.122. Its form is that of the extension in
//! microsoft/vscode; not seen to run here.

use serde_json::Value as Json;

use super::{Found, NAME, text};
use crate::Server;
use crate::entry::Entry;
use crate::steps::Step;
use crate::tree::{self, Part};
use crate::value::Value;

const VENDOR: &str = "customendpoint";

/// The address in the file is the whole one.
const PATH: &str = "/chat/completions";

fn group() -> Part {
    Part::item([("name", NAME), ("vendor", VENDOR)])
}

pub(super) fn entries(server: &Server) -> Vec<Entry> {
    let model = Value::table([
        ("id", server.model.as_str().into()),
        ("name", server.model.as_str().into()),
        ("url", format!("{}{PATH}", server.v1()).into()),
        ("toolCalling", true.into()),
        ("vision", false.into()),
        ("streaming", true.into()),
        ("maxInputTokens", server.tokens().saturating_sub(server.answer()).max(1).into()),
        ("maxOutputTokens", server.answer().into()),
    ]);
    let ours = Value::table([
        ("name", NAME.into()),
        ("vendor", VENDOR.into()),
        ("apiKey", server.key.as_str().into()),
        ("apiType", "chat-completions".into()),
        ("models", [model].into()),
    ]);
    vec![Entry::owned(vec![group()], ours)]
}

/// Which model is used by default is not in the file.
pub(super) fn found(tree: &Json) -> Option<Found> {
    let model = tree::get(tree, &[group()])?.get("models")?.get(0)?;
    let base = text(model, &["url"])?;
    Some(Found { base: base.trim_end_matches(PATH).to_owned(), model: None })
}

pub(super) fn left(server: &Server) -> Vec<Step> {
    vec![Step::Restart, Step::Choose { model: server.model.clone() }]
}
