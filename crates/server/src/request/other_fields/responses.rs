//! Fields of OpenAI's Responses API.
//! Those that only make sense where responses are stored are refused.
use super::Rule::{self, Ignored, Instead, Only};

/// Nothing is stored, so that nothing can be referred to.
const WHOLE: Rule = Instead("the whole conversation as input");

pub(super) const REQUEST: &[(&str, Rule)] = &[
    ("user", Ignored),
    ("store", Ignored),
    ("service_tier", Ignored),
    ("safety_identifier", Ignored),
    ("prompt_cache_key", Ignored),
    ("prompt_cache_retention", Ignored),
    ("prompt_cache_options", Ignored),
    ("client_metadata", Ignored),
    ("stream_options", Ignored),
    // Reasoning is answered as it is, so that there is nothing to encrypt.
    ("include", Only(&[r#"["reasoning.encrypted_content"]"#])),
    ("previous_response_id", WHOLE),
    ("conversation", WHOLE),
    ("background", Only(&["false"])),
    ("truncation", Only(&[r#""disabled""#])),
    ("max_tool_calls", Only(&[])),
    ("top_logprobs", Only(&["0"])),
    ("prompt", Only(&[])),
    ("context_management", Only(&[])),
    ("moderation", Only(&[])),
];

/// What answers carry and clients send back with them.
pub(super) const ITEM: &[(&str, Rule)] = &[
    ("id", Ignored),
    ("status", Ignored),
    ("phase", Ignored),
    ("summary", Ignored),
    ("encrypted_content", Ignored),
];

pub(super) const PART: &[(&str, Rule)] =
    &[("annotations", Ignored), ("logprobs", Ignored), ("detail", Only(&[r#""auto""#, r#""high""#]))];

pub(super) const TOOL: &[(&str, Rule)] = &[("defer_loading", Only(&["false"]))];
pub(super) const REASONING: &[(&str, Rule)] = &[("generate_summary", Ignored)];
pub(super) const TEXT: &[(&str, Rule)] = &[("verbosity", Only(&[r#""medium""#]))];
pub(super) const FORMAT: &[(&str, Rule)] =
    &[("name", Ignored), ("description", Ignored), ("strict", Ignored)];
