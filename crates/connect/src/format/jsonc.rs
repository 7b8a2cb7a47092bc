//! JSON with comments, edited in its syntax tree, which keeps each sign of the text.
//! Knows no program.

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstArray, CstInputValue, CstNode, CstObject, CstObjectProp, CstRootNode};
use serde::de::IgnoredAny;
use serde_json::Value as Json;

use crate::error::Flaw;
use crate::tree::{Edit, Part, is_meant};
use crate::value::Value;

/// What editors such as Zed and VS Code take, and no more: a text that only JSON5 allows is an error there.
const OPTIONS: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_loose_object_property_names: false,
    allow_trailing_commas: true,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

pub(super) fn parse(text: &str) -> Result<Json, Flaw> {
    let root = root(text)?;
    Ok(root.value().and_then(|value| value.to_serde_value()).unwrap_or(Json::Null))
}

/// A text without what only readers of comments take.
pub(super) fn parse_strictly(text: &str) -> Result<Json, Flaw> {
    let tree = parse(text)?;
    match serde_json::from_str::<IgnoredAny>(text) {
        Err(error) if !text.trim().is_empty() => {
            Err(Flaw::broken(error.line(), "the program takes no comment and no comma after the last item"))
        }
        _ => Ok(tree),
    }
}

pub(super) fn edit(text: &str, edits: &[&Edit]) -> Result<String, Flaw> {
    let root = root(text)?;
    for edit in edits {
        match edit {
            Edit::Set(at, value) => set(&root, at, value)?,
            Edit::Remove(at) => {
                if let Some(Spot::Property(object, key)) = spot(&root, at) {
                    object.get(&key).into_iter().for_each(CstObjectProp::remove);
                } else if let Some(node) = node(&root, at) {
                    node.remove();
                }
            }
        }
    }
    let text = root.to_string();
    // A file that we made ends as text files do.
    Ok(if text.ends_with('\n') || root.children().len() > 1 { text } else { text + "\n" })
}

pub(super) fn is_bare(text: &str, at: &[Part]) -> bool {
    let Ok(root) = root(text) else { return false };
    node(&root, at).is_some_and(|node| node.to_string().split_whitespace().collect::<String>().len() == 2)
}

fn root(text: &str) -> Result<CstRootNode, Flaw> {
    CstRootNode::parse(text, &OPTIONS)
        .map_err(|error| Flaw::broken(error.line_display(), &error.kind().to_string()))
}

/// Where a value is or would be.
enum Spot {
    Property(CstObject, String),
    Element(CstArray, Option<usize>),
}

/// `None` where a parent of the place is missing or of another kind.
fn spot(root: &CstRootNode, at: &[Part]) -> Option<Spot> {
    let (last, parents) = at.split_last()?;
    let node = node(root, parents)?;
    match last {
        Part::Key(key) => Some(Spot::Property(node.as_object()?, key.clone())),
        Part::Item(_) => {
            let array = node.as_array()?;
            let index = position(&array, last);
            Some(Spot::Element(array, index))
        }
    }
}

fn node(root: &CstRootNode, at: &[Part]) -> Option<CstNode> {
    at.iter().try_fold(root.value()?, |node, part| child(&node, part))
}

fn child(node: &CstNode, part: &Part) -> Option<CstNode> {
    match part {
        Part::Key(key) => node.as_object()?.get(key)?.value(),
        Part::Item(_) => {
            let array = node.as_array()?;
            array.elements().into_iter().nth(position(&array, part)?)
        }
    }
}

fn position(array: &CstArray, part: &Part) -> Option<usize> {
    let Part::Item(fields) = part else { return None };
    let is_it = |element: &CstNode| element.to_serde_value().is_some_and(|value| is_meant(&value, fields));
    array.elements().iter().position(is_it)
}

/// Sets a value. Parents that are missing are made with it, as one value of the lowest parent that is there.
fn set(root: &CstRootNode, at: &[Part], value: &Value) -> Result<(), Flaw> {
    let present = (0..at.len()).rev().find(|depth| holds(root, &at[..*depth])).unwrap_or(0);
    if present == 0 && root.value().is_none_or(|value| value.as_null_keyword().is_some()) {
        root.set_value(wrapped(at, value));
        return Ok(());
    }
    let inner = wrapped(&at[present + 1..], value);
    match spot(root, &at[..=present]) {
        Some(Spot::Property(object, key)) => match object.get(&key) {
            Some(property) => property.set_value(inner),
            None => drop(object.append(&key, inner)),
        },
        Some(Spot::Element(array, Some(index))) => {
            let element = array.elements().into_iter().nth(index);
            element.and_then(|element| replaced(element, inner)).ok_or_else(elsewhere)?;
        }
        Some(Spot::Element(array, None)) => drop(array.insert(0, inner)),
        None => return Err(elsewhere()),
    }
    Ok(())
}

/// Whether there is an object or a list at the place.
fn holds(root: &CstRootNode, at: &[Part]) -> bool {
    node(root, at).is_some_and(|node| node.as_object().is_some() || node.as_array().is_some())
}

fn replaced(node: CstNode, value: CstInputValue) -> Option<CstNode> {
    match (node.as_object(), node.as_array(), node.as_string_lit()) {
        (Some(object), ..) => object.replace_with(value),
        (_, Some(array), _) => array.replace_with(value),
        (.., Some(text)) => text.replace_with(value),
        _ => None,
    }
}

fn elsewhere() -> Flaw {
    Flaw::shape("there is something else in the place of our settings")
}

/// The value inside the parents that are missing above it.
fn wrapped(missing: &[Part], value: &Value) -> CstInputValue {
    missing.iter().rev().fold(input(value), |inner, part| match part {
        Part::Key(key) => CstInputValue::Object(vec![(key.clone(), inner)]),
        Part::Item(_) => CstInputValue::Array(vec![inner]),
    })
}

fn input(value: &Value) -> CstInputValue {
    match value {
        Value::Text(text) => CstInputValue::String(text.clone()),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::Flag(flag) => CstInputValue::Bool(*flag),
        Value::Nothing => CstInputValue::Null,
        Value::List(items) => CstInputValue::Array(items.iter().map(input).collect()),
        Value::Table(fields) => {
            CstInputValue::Object(fields.iter().map(|(name, value)| (name.clone(), input(value))).collect())
        }
    }
}
