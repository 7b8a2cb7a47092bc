//! Zed takes providers from its `settings.json`, and keys only from the keyring of the system or from a
//! variable named after the provider. Documented at zed.dev, use-api-access; not seen to run here.

use serde_json::Value as Json;

use super::{Found, NAME, text};
use crate::Server;
use crate::entry::Entry;
use crate::steps::{Field, Step};
use crate::tree::Part;
use crate::value::Value;

const AT: [&str; 3] = ["language_models", "openai_compatible", NAME];

pub(super) fn entries(server: &Server) -> Vec<Entry> {
    let model = Value::table([
        ("name", server.model.as_str().into()),
        ("max_tokens", server.tokens().into()),
        ("max_output_tokens", server.answer().into()),
    ]);
    let provider = Value::table([("api_url", server.v1().into()), ("available_models", [model].into())]);
    let chosen = Value::table([("provider", NAME.into()), ("model", server.model.as_str().into())]);
    vec![Entry::owned(AT.map(Part::key).into(), provider), Entry::shared(&["agent", "default_model"], chosen)]
}

pub(super) fn found(tree: &Json) -> Option<Found> {
    let base = text(tree, &[AT[0], AT[1], AT[2], "api_url"])?;
    let chosen = tree.get("agent").and_then(|agent| agent.get("default_model"));
    let chosen = chosen.filter(|chosen| text(chosen, &["provider"]).as_deref() == Some(NAME));
    Some(Found { base, model: chosen.and_then(|chosen| text(chosen, &["model"])) })
}

/// The key, in one of two ways.
pub(super) fn left(server: &Server) -> Vec<Step> {
    vec![
        Step::Open { labels: &["agent: open settings", "LLM Providers", NAME] },
        Step::Enter { field: Field::Key, value: server.key.clone() },
        Step::Variable { name: "WHALEDECK_API_KEY", value: server.key.clone() },
    ]
}
