//! Codex takes providers from `config.toml` in `$CODEX_HOME` and speaks the protocol of responses only. The
//! key is in the file, so that Codex works without a variable in its environment. Seen to work with 0.171.0.

use serde_json::Value as Json;

use super::{Found, ID, NAME, text};
use crate::Server;
use crate::entry::Entry;
use crate::tree::Part;
use crate::value::Value;

const PROVIDERS: &str = "model_providers";

pub(super) fn entries(server: &Server) -> Vec<Entry> {
    let mut entries =
        vec![Entry::shared(&["model"], server.model.as_str()), Entry::shared(&["model_provider"], ID)];
    if let Some(context) = server.context {
        entries.push(Entry::shared(&["model_context_window"], context));
    }
    let provider = Value::table([
        ("name", NAME.into()),
        ("base_url", server.v1().into()),
        ("wire_api", "responses".into()),
        ("experimental_bearer_token", server.key.as_str().into()),
        // A long prompt takes its time on one's own machine; the default of five minutes ends it.
        ("stream_idle_timeout_ms", 3_600_000.into()),
    ]);
    entries.push(Entry::owned(vec![Part::key(PROVIDERS), Part::key(ID)], provider));
    entries
}

pub(super) fn found(tree: &Json) -> Option<Found> {
    let base = text(tree, &[PROVIDERS, ID, "base_url"])?;
    let is_default = text(tree, &["model_provider"]).as_deref() == Some(ID);
    Some(Found { base, model: text(tree, &["model"]).filter(|_| is_default) })
}
