//! Fields of Anthropic's Messages API.
//! Its own clients send many of them with every request.
use super::Rule::{self, Ignored, Only};

pub(super) const REQUEST: &[(&str, Rule)] = &[
    ("metadata", Ignored),
    ("service_tier", Ignored),
    ("inference_geo", Ignored),
    ("cache_control", Ignored),
    ("container", Only(&[])),
    ("mcp_servers", Only(&[])),
    // What the templates do with thinking of earlier turns is theirs; nothing else is cleared.
    ("context_management", Only(&[r#"{"edits":[{"type":"clear_thinking_20251015","keep":"all"}]}"#])),
];

/// What answers carry and clients send back with them.
pub(super) const MESSAGE: &[(&str, Rule)] = &[
    ("id", Ignored),
    ("type", Ignored),
    ("model", Ignored),
    ("stop_reason", Ignored),
    ("stop_sequence", Ignored),
    ("stop_details", Ignored),
    ("usage", Ignored),
    ("container", Ignored),
];

pub(super) const BLOCK: &[(&str, Rule)] = &[
    ("cache_control", Ignored),
    ("signature", Ignored),
    ("data", Ignored),
    ("caller", Ignored),
    ("citations", Only(&[])),
    // No template has a place for it; the result's own text says what failed.
    ("is_error", Ignored),
];

pub(super) const TOOL: &[(&str, Rule)] = &[
    ("cache_control", Ignored),
    ("strict", Ignored),
    ("eager_input_streaming", Ignored),
    ("input_examples", Ignored),
    ("defer_loading", Only(&["false"])),
    ("allowed_callers", Only(&[r#"["direct"]"#])),
];

/// No template knows a budget: `max_tokens` bounds thinking and answer together.
pub(super) const THINKING: &[(&str, Rule)] =
    &[("budget_tokens", Ignored), ("display", Only(&[r#""summarized""#]))];

/// No template knows degrees of effort.
pub(super) const OUTPUT: &[(&str, Rule)] = &[("effort", Ignored), ("task_budget", Only(&[]))];
