//! Claude Code takes variables from `env` of `~/.claude/settings.json`, which win over those of the shell. It
//! adds `/v1/messages` to the address by itself, and uses nothing of a file with a comment in it. Documented
//! at code.claude.com, env-vars; seen to work with 2.1.197.

use serde_json::Value as Json;

use super::{Found, text};
use crate::Server;
use crate::entry::Entry;

const BASE: &str = "ANTHROPIC_BASE_URL";

/// Each name behind which Claude Code has a model: none of them may lead to one that the server does not
/// have.
const MODELS: [&str; 5] = [
    "ANTHROPIC_MODEL",
    "ANTHROPIC_DEFAULT_OPUS_MODEL",
    "ANTHROPIC_DEFAULT_SONNET_MODEL",
    "ANTHROPIC_DEFAULT_HAIKU_MODEL",
    "ANTHROPIC_DEFAULT_FABLE_MODEL",
];

pub(super) fn entries(server: &Server) -> Vec<Entry> {
    let variable = |name: &str, value: &str| Entry::shared(&["env", name], value);
    let mut entries = vec![variable(BASE, &server.base), variable("ANTHROPIC_AUTH_TOKEN", &server.key)];
    entries.extend(MODELS.map(|name| variable(name, &server.model)));
    // The header is the first part of the prompt and differs from conversation to conversation: with it a
    // server can keep nothing of an earlier prompt.
    entries.push(variable("CLAUDE_CODE_ATTRIBUTION_HEADER", "0"));
    // A long prompt takes its time on one's own machine; the default of ten minutes ends it.
    entries.push(variable("API_TIMEOUT_MS", "3600000"));
    entries.push(variable("CLAUDE_CODE_MAX_OUTPUT_TOKENS", &server.answer().to_string()));
    if let Some(context) = server.context {
        // Both, as Claude Code takes the smaller of what it believes of the model and of the second.
        entries.push(variable("CLAUDE_CODE_MAX_CONTEXT_TOKENS", &context.to_string()));
        entries.push(variable("CLAUDE_CODE_AUTO_COMPACT_WINDOW", &context.to_string()));
    }
    entries
}

pub(super) fn found(tree: &Json) -> Option<Found> {
    Some(Found { base: text(tree, &["env", BASE])?, model: text(tree, &["env", MODELS[0]]) })
}
