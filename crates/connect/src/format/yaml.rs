//! YAML, edited by lines: no editor of it keeps comments well, and all that we write is a field without
//! indentation or one item of a list in such a field. What lines cannot do safely is refused.
//! Knows no program.

use serde_json::Value as Json;

use crate::error::Flaw;
use crate::tree::{Edit, Part, is_meant};
use crate::value::Value;

pub(super) fn parse(text: &str) -> Result<Json, Flaw> {
    // The reader takes an empty text for an error.
    if text.lines().all(is_blank) {
        return Ok(Json::Null);
    }
    serde_saphyr::from_str(text).map_err(|error| {
        let line = error.location().map_or(1, |place| usize::try_from(place.line()).unwrap_or(1));
        Flaw::broken(line, &error.without_snippet().to_string())
    })
}

pub(super) fn edit(text: &str, edits: &[&Edit]) -> Result<String, Flaw> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let ends_open = !text.is_empty() && !text.ends_with('\n');
    for edit in edits {
        let tree = parse(&lines.join("\n"))?;
        match edit {
            Edit::Set(at, value) => match at.as_slice() {
                [Part::Key(key)] => set_field(&mut lines, key, value)?,
                [Part::Key(key), Part::Item(fields)] => set_item(&mut lines, &tree, key, fields, value)?,
                _ => return Err(too_deep()),
            },
            Edit::Remove(at) => match at.as_slice() {
                [Part::Key(key)] => drop(lines.drain(field(&lines, key)?)),
                [Part::Key(key), Part::Item(fields)] => {
                    let range = item_lines(&lines, &tree, key, fields)?.ok_or_else(too_deep)?;
                    lines.drain(range);
                }
                _ => return Err(too_deep()),
            },
        }
    }
    let end = if ends_open || lines.is_empty() { "" } else { "\n" };
    Ok(lines.join("\n") + end)
}

fn too_deep() -> Flaw {
    Flaw::shape("our settings are in a place that cannot be edited line by line")
}

fn is_blank(line: &str) -> bool {
    let line = line.trim_start();
    line.is_empty() || line.starts_with('#')
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// The lines of a field without indentation, up to the next one.
fn field(lines: &[String], key: &str) -> Result<std::ops::Range<usize>, Flaw> {
    let is_it = |line: &String| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':'));
    let start = lines.iter().position(is_it);
    let start = start.ok_or_else(|| Flaw::shape(format!("{key} is written in an unusual way")))?;
    let rest = &lines[start + 1..];
    // The items of a list may stand below the name of their field.
    let is_next =
        |line: &String| !is_blank(line) && indent(line) == 0 && !line.starts_with("- ") && line != "-";
    let end = rest.iter().position(is_next).unwrap_or(rest.len());
    let used = rest[..end].iter().rposition(|line| !is_blank(line)).map_or(0, |last| last + 1);
    Ok(start..start + 1 + used)
}

fn has_field(lines: &[String], key: &str) -> bool {
    field(lines, key).is_ok()
}

fn set_field(lines: &mut Vec<String>, key: &str, value: &Value) -> Result<(), Flaw> {
    let Some(text) = scalar(value) else { return Err(too_deep()) };
    let line = format!("{key}: {text}");
    if has_field(lines, key) {
        let range = field(lines, key)?;
        lines.splice(range, [line]);
    } else {
        lines.push(line);
    }
    Ok(())
}

fn set_item(
    lines: &mut Vec<String>,
    tree: &Json,
    key: &str,
    fields: &[(String, String)],
    value: &Value,
) -> Result<(), Flaw> {
    if tree.get(key).is_none() {
        lines.push(format!("{key}:"));
        lines.extend(item(value, 2)?);
        return Ok(());
    }
    if let Some(range) = item_lines(lines, tree, key, fields)? {
        let by = indent(&lines[range.start]);
        lines.splice(range, item(value, by)?);
        return Ok(());
    }
    let start = field(lines, key)?.start;
    let (name, rest) = lines[start].split_at(key.len() + 1);
    let (said, comment) = rest.find(" #").map_or((rest, ""), |at| rest.split_at(at));
    if !matches!(said.trim(), "" | "[]" | "null" | "~") {
        return Err(Flaw::shape(format!("the list {key} is written in one line")));
    }
    lines[start] = format!("{name}{comment}");
    let by = starts(lines, key)?.first().map_or(2, |first| indent(&lines[*first]));
    lines.splice(start + 1..start + 1, item(value, by)?);
    Ok(())
}

/// The lines at which the items of a list start.
fn starts(lines: &[String], key: &str) -> Result<Vec<usize>, Flaw> {
    let range = field(lines, key)?;
    let inside = range.start + 1..range.end;
    let is_item = |line: &str| line.trim_start() == "-" || line.trim_start().starts_with("- ");
    let Some(first) = inside.clone().find(|index| !is_blank(&lines[*index])) else { return Ok(Vec::new()) };
    let by = indent(&lines[first]);
    Ok(inside.filter(|index| indent(&lines[*index]) == by && is_item(&lines[*index])).collect())
}

/// The lines of an item: up to the next one, without the comments and empty lines before that.
fn item_lines(
    lines: &[String],
    tree: &Json,
    key: &str,
    fields: &[(String, String)],
) -> Result<Option<std::ops::Range<usize>>, Flaw> {
    let Some(items) = tree.get(key).and_then(Json::as_array) else { return Ok(None) };
    let Some(index) = items.iter().position(|item| is_meant(item, fields)) else { return Ok(None) };
    let starts = starts(lines, key)?;
    if starts.len() != items.len() {
        return Err(Flaw::shape(format!("the items of {key} are written in an unusual way")));
    }
    let start = starts[index];
    let limit = starts.get(index + 1).copied().unwrap_or(field(lines, key)?.end);
    let used = lines[start..limit].iter().rposition(|line| !is_blank(line)).unwrap_or(0);
    Ok(Some(start..start + used + 1))
}

/// An item of a list, which is a table.
fn item(value: &Value, by: usize) -> Result<Vec<String>, Flaw> {
    let Value::Table(fields) = value else { return Err(too_deep()) };
    let mut lines = Vec::new();
    table(fields, by + 2, &mut lines);
    if let Some(first) = lines.first_mut() {
        first.replace_range(by..by + 2, "- ");
    }
    Ok(lines)
}

fn table(fields: &[(String, Value)], by: usize, lines: &mut Vec<String>) {
    let space = " ".repeat(by);
    for (name, value) in fields {
        match value {
            Value::Table(fields) if !fields.is_empty() => {
                lines.push(format!("{space}{name}:"));
                table(fields, by + 2, lines);
            }
            Value::List(items) => {
                lines.push(format!("{space}{name}:"));
                lines.extend(items.iter().map(|item| format!("{space}  - {}", inline(item))));
            }
            _ => lines.push(format!("{space}{name}: {}", inline(value))),
        }
    }
}

/// A value in the rest of a line. YAML reads JSON too.
fn inline(value: &Value) -> String {
    scalar(value).unwrap_or_else(|| value.json().to_string())
}

/// A text that begins with a letter and has no sign with a meaning is written as it is, and any other as in
/// JSON, which YAML reads too.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => {
            let plain = text.starts_with(|sign: char| sign.is_ascii_alphabetic())
                && text.chars().all(|sign| sign.is_ascii_alphanumeric() || "_-./ ".contains(sign))
                && !text.ends_with(' ')
                && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
                    .contains(&text.to_ascii_lowercase().as_str());
            Some(if plain { text.clone() } else { Json::String(text.clone()).to_string() })
        }
        Value::Number(number) => Some(number.to_string()),
        Value::Flag(flag) => Some(flag.to_string()),
        Value::Nothing => Some("null".to_owned()),
        Value::List(_) | Value::Table(_) => None,
    }
}
