//! Continue takes models from `config.yaml` in its folder, or from the older `config.json`, which counts only
//! where the other is not. Documented at docs.continue.dev, reference; seen to work with its command line
//! 1.5.47.

use serde_json::Value as Json;

use super::{Found, NAME, Site, is_file, text};
use crate::entry::Entry;
use crate::format::Format;
use crate::tree::{self, At, Part};
use crate::value::Value;
use crate::{Places, Server};

pub(super) fn site(places: &Places) -> Site {
    let (path, older) = (places.continues.join("config.yaml"), places.continues.join("config.json"));
    if !is_file(&path) && is_file(&older) {
        return Site { path: older, format: Format::Jsonc };
    }
    Site { path, format: Format::Yaml }
}

fn at(format: Format) -> At {
    let field = if format == Format::Jsonc { "title" } else { "name" };
    vec![Part::key("models"), Part::item([(field, NAME)])]
}

pub(super) fn entries(server: &Server, format: Format) -> Vec<Entry> {
    let (base, key, model) = (server.v1(), server.key.as_str(), server.model.as_str());
    if format == Format::Jsonc {
        let ours = Value::table([
            ("title", NAME.into()),
            ("provider", "openai".into()),
            ("model", model.into()),
            ("apiBase", base.into()),
            ("apiKey", key.into()),
            ("contextLength", server.tokens().into()),
            ("completionOptions", Value::table([("maxTokens", server.answer().into())])),
        ]);
        return vec![Entry::owned(at(format), ours)];
    }
    let limits =
        Value::table([("contextLength", server.tokens().into()), ("maxTokens", server.answer().into())]);
    let ours = Value::table([
        ("name", NAME.into()),
        ("provider", "openai".into()),
        ("model", model.into()),
        ("apiBase", base.into()),
        ("apiKey", key.into()),
        ("roles", ["chat".into(), "edit".into(), "apply".into()].into()),
        // Continue knows by the names of models which can use tools, and not ours.
        ("capabilities", ["tool_use".into()].into()),
        ("defaultCompletionOptions", limits),
    ]);
    vec![
        // A file without these three is refused by Continue.
        Entry::default("name", "Local Config"),
        Entry::default("version", "1.0.0"),
        Entry::default("schema", "v1"),
        Entry::owned(at(format), ours),
    ]
}

pub(super) fn found(tree: &Json, format: Format) -> Option<Found> {
    let ours = tree::get(tree, &at(format))?;
    Some(Found { base: text(ours, &["apiBase"])?, model: text(ours, &["model"]) })
}
