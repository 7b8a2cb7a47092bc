//! TOML, edited in a document that keeps comments, order and spaces.
//! Knows no program.

use std::collections::BTreeSet;

use serde_json::{Map, Number, Value as Json};
use toml_edit::{Document, DocumentMut, InlineTable, Item, Key, Table, TableLike, Value as Toml};

use super::line_of;
use crate::error::Flaw;
use crate::tree::{self, Edit, Part};
use crate::value::Value;

pub(super) fn parse(text: &str) -> Result<Json, Flaw> {
    Ok(table_as_json(document(text)?.as_table()))
}

pub(super) fn edit(text: &str, edits: &[&Edit]) -> Result<String, Flaw> {
    let mut text = text.to_owned();
    for edit in edits {
        let mut document = document(&text)?;
        text = match edit {
            Edit::Set(at, value) => {
                set(document.as_table_mut(), &keys(at)?, value)?;
                document.to_string()
            }
            Edit::Remove(at) => {
                let keys = keys(at)?;
                remove(document.as_table_mut(), &keys);
                let wanted = table_as_json(document.as_table());
                // The document holds a comment to belong to what follows it, and would remove it too.
                let says = |text: &String| parse(text).is_ok_and(|tree| tree::same(&tree, &wanted));
                let lines = without_lines(&text, &keys).filter(says);
                lines.unwrap_or_else(|| document.to_string())
            }
        };
    }
    Ok(text)
}

fn document(text: &str) -> Result<DocumentMut, Flaw> {
    text.parse::<DocumentMut>().map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(text, span.start));
        Flaw::broken(line, error.message())
    })
}

fn keys(at: &[Part]) -> Result<Vec<&str>, Flaw> {
    at.iter().map(key).collect()
}

fn key(part: &Part) -> Result<&str, Flaw> {
    match part {
        Part::Key(key) => Ok(key),
        Part::Item(_) => Err(Flaw::shape("a list has no place in these settings")),
    }
}

fn set(table: &mut dyn TableLike, keys: &[&str], value: &Value) -> Result<(), Flaw> {
    let [key, rest @ ..] = keys else { return Ok(()) };
    if !rest.is_empty() {
        let parent = table.entry(key).or_insert_with(|| {
            let mut parent = Table::new();
            parent.set_implicit(true);
            Item::Table(parent)
        });
        let Some(parent) = parent.as_table_like_mut() else {
            return Err(Flaw::shape(format!("{key} is not a table")));
        };
        return set(parent, rest, value);
    }
    if let Some(old) = table.get_mut(key).and_then(Item::as_value_mut) {
        let mut new = plain(value)?;
        *new.decor_mut() = old.decor().clone();
        *old = new;
        return Ok(());
    }
    let mut new = item(value)?;
    if let (Item::Table(new), Some(Item::Table(old))) = (&mut new, table.get(key)) {
        *new.decor_mut() = old.decor().clone();
        new.set_position(old.position());
    }
    table.insert(key, new);
    Ok(())
}

fn remove(table: &mut dyn TableLike, keys: &[&str]) {
    match keys {
        [key] => drop(table.remove(key)),
        [key, rest @ ..] => {
            if let Some(parent) = table.get_mut(key).and_then(Item::as_table_like_mut) {
                remove(parent, rest);
            }
        }
        [] => {}
    }
}

/// The text without the lines of a value, or of a table and those in it. `None` for what shares its lines.
fn without_lines(text: &str, keys: &[&str]) -> Option<String> {
    let document = Document::parse(text).ok()?;
    let (last, parents) = keys.split_last()?;
    let parent = parents.iter().try_fold(document.as_item(), |item, key| item.as_table()?.get(key))?;
    let mut gone = BTreeSet::new();
    collect(text, parent.as_table()?, last, &mut gone)?;
    // The empty line above a table separates it from the one before.
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let is_empty = |line: usize| lines.get(line - 1).is_none_or(|line| line.trim().is_empty());
    if let Some(first) = gone.first().copied()
        && first > 1
        && is_empty(first - 1)
        && gone.last().is_some_and(|last| is_empty(last + 1))
    {
        gone.insert(first - 1);
    }
    let stays = lines.iter().enumerate().filter(|(index, _)| !gone.contains(&(index + 1)));
    Some(stays.map(|(_, line)| *line).collect())
}

/// The numbers of the lines of a value or table.
fn collect(text: &str, table: &Table, key: &str, lines: &mut BTreeSet<usize>) -> Option<()> {
    let (key, item) = table.get_key_value(key)?;
    match item {
        Item::Table(inner) => {
            if let Some(header) = inner.span().filter(|_| !inner.is_implicit() && !inner.is_dotted()) {
                lines.insert(line_of(text, header.start));
            }
            inner.iter().try_for_each(|(key, _)| collect(text, inner, key, lines))
        }
        Item::Value(value) => {
            lines.extend(line_of(text, key.span()?.start)..=line_of(text, value.span()?.end));
            Some(())
        }
        Item::None | Item::ArrayOfTables(_) => None,
    }
}

/// A table of its own for an object, with an empty line before it; a table inside braces becomes one there by
/// itself.
fn item(value: &Value) -> Result<Item, Flaw> {
    let Value::Table(fields) = value else { return Ok(Item::Value(plain(value)?)) };
    let mut table = Table::new();
    table.decor_mut().set_prefix("\n");
    for (name, value) in fields {
        table.insert_formatted(&Key::new(name), item(value)?);
    }
    Ok(Item::Table(table))
}

fn plain(value: &Value) -> Result<Toml, Flaw> {
    Ok(match value {
        Value::Text(text) => text.as_str().into(),
        Value::Flag(flag) => (*flag).into(),
        Value::Number(number) => match number.as_i64() {
            Some(number) => number.into(),
            None => number.as_f64().ok_or_else(|| Flaw::shape("a number is too large for it"))?.into(),
        },
        Value::Nothing => return Err(Flaw::shape("a value of nothing has no place in it")),
        Value::List(items) => {
            let items: Result<toml_edit::Array, Flaw> = items.iter().map(plain).collect();
            Toml::Array(items?)
        }
        Value::Table(fields) => {
            let mut table = InlineTable::new();
            for (name, value) in fields {
                table.insert(name, plain(value)?);
            }
            Toml::InlineTable(table)
        }
    })
}

fn table_as_json(table: &dyn TableLike) -> Json {
    Json::Object(table.iter().map(|(key, item)| (key.to_owned(), item_as_json(item))).collect::<Map<_, _>>())
}

fn item_as_json(item: &Item) -> Json {
    match item {
        Item::None => Json::Null,
        Item::Value(value) => value_as_json(value),
        Item::Table(table) => table_as_json(table),
        Item::ArrayOfTables(tables) => tables.iter().map(|table| table_as_json(table)).collect(),
    }
}

fn value_as_json(value: &Toml) -> Json {
    match value {
        Toml::String(text) => Json::String(text.value().clone()),
        Toml::Integer(number) => Json::Number((*number.value()).into()),
        Toml::Float(number) => Number::from_f64(*number.value()).map_or(Json::Null, Json::Number),
        Toml::Boolean(flag) => Json::Bool(*flag.value()),
        Toml::Datetime(date) => Json::String(date.value().to_string()),
        Toml::Array(items) => items.iter().map(value_as_json).collect(),
        Toml::InlineTable(table) => table_as_json(table),
    }
}
