//! A value that is written into settings. It keeps the order of its fields, which JSON's own type need not.
//! Knows no format.

use serde_json::Value as Json;

/// What settings can hold.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Number(serde_json::Number),
    Flag(bool),
    Nothing,
    List(Vec<Value>),
    Table(Vec<(String, Value)>),
}

impl Value {
    /// A table with these fields.
    pub fn table<const N: usize>(fields: [(&str, Value); N]) -> Self {
        Self::Table(fields.map(|(name, value)| (name.to_owned(), value)).into())
    }

    pub fn json(&self) -> Json {
        match self {
            Self::Text(text) => Json::String(text.clone()),
            Self::Number(number) => Json::Number(number.clone()),
            Self::Flag(flag) => Json::Bool(*flag),
            Self::Nothing => Json::Null,
            Self::List(items) => Json::Array(items.iter().map(Self::json).collect()),
            Self::Table(fields) => {
                Json::Object(fields.iter().map(|(name, value)| (name.clone(), value.json())).collect())
            }
        }
    }
}

impl From<Json> for Value {
    fn from(json: Json) -> Self {
        match json {
            Json::Null => Self::Nothing,
            Json::Bool(flag) => Self::Flag(flag),
            Json::Number(number) => Self::Number(number),
            Json::String(text) => Self::Text(text),
            Json::Array(items) => Self::List(items.into_iter().map(Self::from).collect()),
            Json::Object(fields) => {
                Self::Table(fields.into_iter().map(|(name, value)| (name, value.into())).collect())
            }
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl<const N: usize> From<[Value; N]> for Value {
    fn from(items: [Value; N]) -> Self {
        Self::List(items.into())
    }
}
