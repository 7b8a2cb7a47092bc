//! Settings as a tree, and the edits of it. Each edit of a text is checked against the same edit of the tree.
//! Knows no format.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::error::Flaw;
use crate::value::Value;

/// One step down a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Part {
    /// The field of an object.
    Key(String),
    /// The first item of a list whose fields have these texts.
    Item(Vec<(String, String)>),
}

/// The place of a value.
pub(crate) type At = Vec<Part>;

impl Part {
    pub fn key(key: &str) -> Self {
        Self::Key(key.to_owned())
    }

    pub fn item<const N: usize>(fields: [(&str, &str); N]) -> Self {
        Self::Item(fields.map(|(name, text)| (name.to_owned(), text.to_owned())).into())
    }

    /// An empty value that can have this part.
    fn holder(&self) -> Json {
        match self {
            Self::Key(_) => Json::Object(Map::new()),
            Self::Item(_) => Json::Array(Vec::new()),
        }
    }
}

/// Whether the item of a list is the one that is meant.
pub(crate) fn is_meant(item: &Json, fields: &[(String, String)]) -> bool {
    fields.iter().all(|(name, text)| item.get(name).and_then(Json::as_str) == Some(text))
}

/// A place in words: the names of its parts, with dots.
pub(crate) fn words(at: &[Part]) -> String {
    let names = at.iter().map(|part| match part {
        Part::Key(key) => key.as_str(),
        Part::Item(fields) => fields.first().map_or("", |(_, text)| text),
    });
    names.collect::<Vec<_>>().join(".")
}

/// One change.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Edit {
    Set(At, Value),
    Remove(At),
}

impl Edit {
    /// Makes the change. `false` when the tree already has it.
    pub fn make(&self, tree: &mut Json) -> Result<bool, Flaw> {
        match self {
            Self::Set(at, value) => set(tree, at, value.json()),
            Self::Remove(at) => Ok(remove(tree, at)),
        }
    }
}

pub(crate) fn get<'a>(tree: &'a Json, at: &[Part]) -> Option<&'a Json> {
    at.iter().try_fold(tree, |tree, part| match part {
        Part::Key(key) => tree.get(key),
        Part::Item(fields) => tree.as_array()?.iter().find(|item| is_meant(item, fields)),
    })
}

fn set(tree: &mut Json, at: &[Part], value: Json) -> Result<bool, Flaw> {
    let Some((part, rest)) = at.split_first() else {
        let is_new = *tree != value;
        *tree = value;
        return Ok(is_new);
    };
    if tree.is_null() {
        *tree = part.holder();
    }
    match (part, tree) {
        (Part::Key(key), Json::Object(fields)) => set(fields.entry(key).or_insert(Json::Null), rest, value),
        (Part::Item(fields), Json::Array(items)) => {
            // First, where programs take their default from.
            let index = items.iter().position(|item| is_meant(item, fields)).unwrap_or_else(|| {
                items.insert(0, Json::Null);
                0
            });
            set(&mut items[index], rest, value)
        }
        (Part::Key(key), _) => Err(Flaw::shape(format!("there is no room for {key}, as it is in no object"))),
        (Part::Item(_), _) => Err(Flaw::shape("there is something else where a list belongs")),
    }
}

fn remove(tree: &mut Json, at: &[Part]) -> bool {
    let Some((last, parents)) = at.split_last() else { return false };
    let parent = parents.iter().try_fold(tree, |tree, part| match part {
        Part::Key(key) => tree.get_mut(key),
        Part::Item(fields) => tree.as_array_mut()?.iter_mut().find(|item| is_meant(item, fields)),
    });
    match (last, parent) {
        (Part::Key(key), Some(Json::Object(fields))) => fields.remove(key).is_some(),
        (Part::Item(wanted), Some(Json::Array(items))) => {
            let index = items.iter().position(|item| is_meant(item, wanted));
            index.map(|index| items.remove(index)).is_some()
        }
        _ => false,
    }
}

/// How many of the places above are missing, nearest first: they come and go with the value.
pub(crate) fn missing_above(tree: &Json, at: &[Part]) -> usize {
    (1..at.len()).filter(|depth| get(tree, &at[..*depth]).is_none_or(Json::is_null)).count()
}

pub(crate) fn is_empty(tree: &Json) -> bool {
    match tree {
        Json::Null => true,
        Json::Object(fields) => fields.is_empty(),
        Json::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// Whether a tree has no value, though it may have empty objects in others.
fn is_hollow(tree: &Json) -> bool {
    match tree {
        Json::Object(fields) => fields.values().all(is_hollow),
        tree => is_empty(tree),
    }
}

/// Whether two trees say the same. Formats differ in how they write what is empty, and TOML does not write it
/// at all.
pub(crate) fn same(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (one, other) if is_hollow(one) && is_hollow(other) => true,
        (Json::Object(one), Json::Object(other)) => {
            let has = |fields: &Map<String, Json>, key: &String, value| {
                same(value, fields.get(key).unwrap_or(&Json::Null))
            };
            one.iter().all(|(key, value)| has(other, key, value))
                && other.iter().all(|(key, value)| has(one, key, value))
        }
        (Json::Array(one), Json::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        _ => one == other,
    }
}
