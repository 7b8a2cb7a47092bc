//! Fields that clients send and that no request type reads. One that cannot change the answer is ignored; one
//! that can is refused by name unless it has the value that changes nothing. None is dropped silently. The
//! lists are those of OpenAI, DeepSeek, vLLM, SGLang, llama.cpp and ollama of November 2026.
use serde_json::Value;

use super::fields::UnknownField;
use crate::error::ApiError;

/// How a field is handled.
enum Rule {
    /// It does not change the answer.
    Ignored,
    /// Accepted with one of these values, as JSON, which are what is done anyway.
    Only(&'static [&'static str]),
    /// Refused, with what to send instead.
    Instead(&'static str),
}

use Rule::{Ignored, Instead, Only};

/// Of a request.
const REQUEST: &[(&str, Rule)] = &[
    // Accounting, storage and caching.
    ("user", Ignored),
    ("metadata", Ignored),
    ("store", Ignored),
    ("service_tier", Ignored),
    ("safety_identifier", Ignored),
    ("prompt_cache_key", Ignored),
    ("prompt_cache_retention", Ignored),
    ("prompt_cache_options", Ignored),
    ("cache_prompt", Ignored),
    ("cache_salt", Ignored),
    ("id_slot", Ignored),
    ("slot_id", Ignored),
    ("request_id", Ignored),
    ("rid", Ignored),
    ("priority", Ignored),
    ("keep_alive", Ignored),
    ("timings_per_token", Ignored),
    ("return_progress", Ignored),
    ("usage", Ignored),
    // A guess of the answer makes it faster where it is used.
    ("prediction", Ignored),
    // OpenAI.
    ("modalities", Only(&[r#"["text"]"#])),
    ("verbosity", Only(&[r#""medium""#])),
    ("logit_bias", Only(&[])),
    ("audio", Only(&[])),
    ("web_search_options", Only(&[])),
    ("functions", Instead("tools")),
    ("function_call", Instead("tool_choice")),
    // Sampling of vLLM, SGLang and llama.cpp.
    ("use_beam_search", Only(&["false"])),
    ("length_penalty", Only(&["1"])),
    ("early_stopping", Only(&["false"])),
    ("best_of", Only(&["1"])),
    ("echo", Only(&["false"])),
    ("suffix", Only(&[])),
    ("ignore_eos", Only(&["false"])),
    ("min_tokens", Only(&["0"])),
    ("stop_token_ids", Only(&[])),
    ("stop_regex", Only(&[])),
    ("include_stop_str_in_output", Only(&["false"])),
    ("no_stop_trim", Only(&["false"])),
    ("skip_special_tokens", Only(&["true"])),
    ("spaces_between_special_tokens", Only(&["true"])),
    ("bad_words", Only(&[])),
    ("allowed_token_ids", Only(&[])),
    ("logits_processors", Only(&[])),
    ("custom_logit_processor", Only(&[])),
    ("custom_params", Only(&[])),
    ("typical_p", Only(&["1"])),
    ("tfs_z", Only(&["1"])),
    ("top_n_sigma", Only(&["-1", "0"])),
    ("top_a", Only(&["0"])),
    ("dynatemp_range", Only(&["0"])),
    // These shape what the line above or below them switches on, and do nothing by themselves.
    ("dynatemp_exponent", Ignored),
    ("mirostat", Only(&["0"])),
    ("mirostat_tau", Ignored),
    ("mirostat_eta", Ignored),
    ("xtc_probability", Only(&["0"])),
    ("xtc_threshold", Ignored),
    ("dry_multiplier", Only(&["0"])),
    ("dry_base", Ignored),
    ("dry_allowed_length", Ignored),
    ("dry_penalty_last_n", Ignored),
    ("dry_sequence_breakers", Ignored),
    ("min_keep", Only(&["0"])),
    ("n_keep", Only(&["0"])),
    ("n_indent", Only(&["0"])),
    ("n_probs", Instead("logprobs and top_logprobs")),
    ("post_sampling_probs", Only(&["false"])),
    ("repeat_last_n", Only(&["-1"])),
    ("samplers", Only(&[])),
    ("sampler_seq", Only(&[])),
    ("t_max_predict_ms", Only(&["0", "-1"])),
    ("lora", Only(&[])),
    ("lora_path", Only(&[])),
    // Prompts.
    ("add_generation_prompt", Only(&["true"])),
    ("add_special_tokens", Only(&["false"])),
    ("chat_template", Only(&[])),
    ("documents", Only(&[])),
    ("truncate_prompt_tokens", Only(&[])),
    ("truncation", Only(&[r#""disabled""#])),
    ("mm_processor_kwargs", Only(&[])),
    ("media_io_kwargs", Only(&[])),
    ("input_embeds", Only(&[])),
    ("prompt_embeds", Only(&[])),
    ("prompt_logprobs", Only(&["0"])),
    ("return_prompt_logprobs", Only(&["false"])),
    ("session_params", Only(&[])),
    ("kv_transfer_params", Only(&[])),
    ("vllm_xargs", Only(&[])),
    // Forms of answers.
    ("guided_json", Instead("response_format with a json_schema")),
    ("json_schema", Instead("response_format with a json_schema")),
    ("structured_outputs", Instead("response_format with a json_schema")),
    ("format", Instead("response_format")),
    ("guided_regex", Only(&[])),
    ("guided_choice", Only(&[])),
    ("guided_grammar", Only(&[])),
    ("guided_decoding_backend", Ignored),
    ("guided_whitespace_pattern", Only(&[])),
    ("structural_tag", Only(&[])),
    ("regex", Only(&[])),
    ("ebnf", Only(&[])),
    ("grammar", Only(&[])),
    // Tools and reasoning.
    ("parse_tool_calls", Only(&["true"])),
    ("reasoning_format", Only(&[r#""auto""#, r#""deepseek""#])),
    ("reasoning_in_content", Only(&["false"])),
    ("include_reasoning", Only(&["true"])),
    ("separate_reasoning", Only(&["true"])),
    ("stream_reasoning", Only(&["true"])),
    ("thinking_forced_open", Only(&["false"])),
    ("thinking_budget", Only(&["-1"])),
    ("thinking_budget_tokens", Only(&["-1"])),
    ("thinking_token_budget", Only(&["-1"])),
    ("reasoning_budget", Only(&["-1"])),
    ("reasoning", Instead("reasoning_effort")),
    ("think", Instead("reasoning_effort")),
    ("options", Instead("temperature, top_p, max_tokens and the others as fields of the request")),
    // What comes beside the answer.
    ("return_tokens_as_token_ids", Only(&["false"])),
    ("return_token_ids", Only(&["false"])),
    ("return_tokens", Only(&["false"])),
    ("return_hidden_states", Only(&["false"])),
    ("return_routed_experts", Only(&["false"])),
    ("logprob_start_len", Only(&["-1"])),
];

/// Of a message: what answers carry and clients send back with them. None of it is part of a prompt.
const MESSAGE: &[(&str, Rule)] = &[
    ("id", Ignored),
    ("object", Ignored),
    ("created", Ignored),
    ("created_at", Ignored),
    ("createdAt", Ignored),
    ("timestamp", Ignored),
    ("status", Ignored),
    ("index", Ignored),
    ("model", Ignored),
    ("usage", Ignored),
    ("metadata", Ignored),
    ("annotations", Ignored),
    ("finish_reason", Ignored),
    ("cache_control", Ignored),
    // The same text as `reasoning`, in pieces.
    ("reasoning_details", Ignored),
    // Our own.
    ("whaledeck", Ignored),
    ("refusal", Only(&[])),
    ("audio", Only(&[])),
    ("partial", Only(&["false"])),
    ("function_call", Instead("tool_calls")),
    ("images", Instead("a part of content with an image_url")),
    ("thinking", Instead("reasoning_content")),
];

const PART: &[(&str, Rule)] = &[("cache_control", Ignored), ("index", Ignored), ("id", Ignored)];
const IMAGE: &[(&str, Rule)] = &[("detail", Only(&[r#""auto""#, r#""high""#]))];
const CALL: &[(&str, Rule)] = &[("type", Only(&[r#""function""#])), ("index", Ignored)];
const FUNCTION: &[(&str, Rule)] = &[];
const STREAM: &[(&str, Rule)] = &[("include_obfuscation", Ignored)];
const FORMAT: &[(&str, Rule)] = &[("strict", Ignored)];

/// # Errors
/// A field that changes the answer, or one that is not known.
pub fn check(field: &UnknownField) -> Result<(), ApiError> {
    let table = match field.of {
        "ChatMessage" => MESSAGE,
        "ContentPart" => PART,
        "ImageUrl" => IMAGE,
        "ToolCall" => CALL,
        "FunctionCall" => FUNCTION,
        "StreamOptions" => STREAM,
        "ResponseFormat" => FORMAT,
        "ThinkingParam" => &[],
        _ => REQUEST,
    };
    if is_empty(field.value) {
        return Ok(());
    }
    let rule = table.iter().find(|(name, _)| *name == field.name).map(|(_, rule)| rule);
    let path = &field.path;
    let message = match rule {
        Some(Ignored) => return Ok(()),
        Some(Only(values)) if values.iter().any(|value| same(value, field.value)) => return Ok(()),
        Some(Only([])) => format!("{path} is not supported: leave it out"),
        Some(Only(values)) => {
            format!("{path} is not supported: leave it out, or send {}", values.join(" or "))
        }
        Some(Instead(other)) => format!("{path} is not supported: send {other} instead"),
        None => format!("{path} is not a field that this worker knows: leave it out"),
    };
    Err(ApiError::invalid(path.clone(), message))
}

/// As clients send it that fill in every field.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Numbers are compared as numbers: 1 and 1.0 are one value.
fn same(text: &str, value: &Value) -> bool {
    let expected: Value = serde_json::from_str(text).unwrap_or_default();
    match (expected.as_f64(), value.as_f64()) {
        (Some(a), Some(b)) => (a - b).abs() < f64::EPSILON,
        _ => expected == *value,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(of: &'static str, name: &str, value: &Value) -> Option<String> {
        check(&UnknownField { of, name, path: name.to_owned(), value }).err().map(|error| error.message)
    }

    #[test]
    fn every_value_of_the_tables_is_json_and_every_name_stands_once() {
        for table in [REQUEST, MESSAGE, PART, IMAGE, CALL, STREAM, FORMAT] {
            let mut names: Vec<_> = table.iter().map(|(name, _)| *name).collect();
            names.sort_unstable();
            assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
            for (name, rule) in table {
                if let Only(values) = rule {
                    for value in *values {
                        let value: Value = serde_json::from_str(value).expect(name);
                        assert_eq!(
                            refused("ChatCompletionRequest", "no such name", &value).is_some(),
                            !value.is_null()
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn what_changes_an_answer_is_refused_and_its_plain_value_is_taken() {
        for (name, plain, other) in [
            ("logit_bias", json!({}), json!({"5": -100})),
            ("length_penalty", json!(1.0), json!(0.5)),
            ("ignore_eos", json!(false), json!(true)),
            ("functions", json!([]), json!([{"name": "f"}])),
            ("grammar", json!(""), json!("root ::= \"a\"")),
            ("modalities", json!(["text"]), json!(["text", "audio"])),
            ("no_such_field", json!(null), json!(0)),
        ] {
            assert_eq!(refused("ChatCompletionRequest", name, &plain), None);
            let said = refused("ChatCompletionRequest", name, &other).expect(name);
            assert!(said.starts_with(name), "{said}");
        }
        assert_eq!(refused("CompletionRequest", "user", &json!("somebody")), None);
        assert!(refused("ChatMessage", "user", &json!("somebody")).is_some(), "each type has its own list");
    }
}
