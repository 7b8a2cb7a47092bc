//! The body of `/v1/completions`: a text to continue, or a gap to fill between a prompt and a suffix.
//! One prompt per request is supported; a list of one counts as that one.
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use super::SamplingParams;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CompletionRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    pub prompt: Prompt,
    /// Fill-in-the-middle: what follows the gap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suffix: Option<String>,
    /// Fields of the same object, read in a pass of their own.
    #[serde(flatten, skip_deserializing)]
    pub sampling: SamplingParams,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logprobs: Option<usize>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub echo: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best_of: Option<usize>,
    /// As in a chat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_salt: Option<String>,
}

/// A text, a list of texts, a list of tokens, or a list of such lists.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(from = "Value")]
pub enum Prompt {
    Text(String),
    Tokens(Vec<u32>),
    /// Something else, or more than one; no server of ours answers it.
    Other(Value),
}

impl From<Value> for Prompt {
    fn from(value: Value) -> Self {
        let token = |value: &Value| {
            let whole = value.as_f64().filter(|number| number.fract() == 0.0)?;
            (0.0..=f64::from(u32::MAX)).contains(&whole).then_some(whole as u32)
        };
        match value {
            Value::String(text) => Self::Text(text),
            Value::Array(list) => match &list[..] {
                [one @ (Value::String(_) | Value::Array(_))] => Self::from(one.clone()),
                _ => match list.iter().map(token).collect() {
                    Some(tokens) => Self::Tokens(tokens),
                    None => Self::Other(Value::Array(list)),
                },
            },
            other => Self::Other(other),
        }
    }
}

impl Serialize for Prompt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => text.serialize(serializer),
            Self::Tokens(tokens) => tokens.serialize(serializer),
            Self::Other(value) => value.serialize(serializer),
        }
    }
}
