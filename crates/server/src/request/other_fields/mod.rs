//! Fields that clients send and that no request type reads. One that cannot change the answer is ignored; one
//! that can is refused by name unless it has the value that changes nothing. None is dropped silently. The
//! lists are those of November 2026.
mod anthropic;
mod openai;
mod responses;

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

/// Fields and their rules.
type Table = &'static [(&'static str, Rule)];

/// # Errors
/// A field that changes the answer, or one that is not known.
pub fn check(field: &UnknownField) -> Result<(), ApiError> {
    let table = table_of(field.of);
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

fn table_of(kind: &str) -> Table {
    match kind {
        "ChatMessage" => openai::MESSAGE,
        "ContentPart" => openai::PART,
        "ImageUrl" => openai::IMAGE,
        "ToolCall" => openai::CALL,
        "FunctionCall" => openai::FUNCTION,
        "StreamOptions" => openai::STREAM,
        "ResponseFormat" => openai::FORMAT,
        "ThinkingParam" => &[],
        "MessagesRequest" => anthropic::REQUEST,
        "InputMessage" => anthropic::MESSAGE,
        "InputBlock" => anthropic::BLOCK,
        "Tool" => anthropic::TOOL,
        "Thinking" => anthropic::THINKING,
        "OutputConfig" => anthropic::OUTPUT,
        "ImageSource" | "ToolChoice" | "OutputFormat" => &[],
        "ResponsesRequest" => responses::REQUEST,
        "InputItem" => responses::ITEM,
        "InputPart" => responses::PART,
        "ResponseTool" => responses::TOOL,
        "ReasoningParam" => responses::REASONING,
        "TextParam" => responses::TEXT,
        "TextFormat" => responses::FORMAT,
        _ => openai::REQUEST,
    }
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
        let types = [
            "ChatCompletionRequest ChatMessage ContentPart ImageUrl ToolCall StreamOptions ResponseFormat",
            "MessagesRequest InputMessage InputBlock Tool Thinking OutputConfig",
            "ResponsesRequest InputItem InputPart ResponseTool ReasoningParam TextParam TextFormat",
        ];
        for table in types.iter().flat_map(|types| types.split(' ')).map(table_of) {
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
