//! Python string methods and Jinja filters that minijinja lacks or implements differently: indexes count
//! characters, `rsplit` splits from the right, pairs are tuples.
use minijinja::value::{Kwargs, Rest, ValueKind, from_args};
use minijinja::{Environment, Error, ErrorKind, State, Value};

use crate::jinja_source::{FORMAT, STR, TUPLE};
use crate::python::{self, Tuple};
use crate::python_format::format;

/// Registers them after minijinja's own.
pub fn add(environment: &mut Environment<'static>) {
    environment.set_unknown_method_callback(method);
    environment.add_function(TUPLE, |items: Rest<Value>| Value::from_object(Tuple(items.0)));
    environment.add_filter(FORMAT, format);
    environment.add_filter(STR, python::str);
    environment.add_filter("string", python::str);
    environment.add_filter("format", format_filter);
    environment.add_filter("join", join);
    environment.add_filter("items", pairs);
}

fn format_filter(pattern: &str, arguments: Rest<Value>) -> Result<String, Error> {
    format(pattern, &Value::from_object(Tuple(arguments.0)))
}

fn method(state: &State, value: &Value, name: &str, args: &[Value]) -> Result<Value, Error> {
    let own = match value.kind() {
        ValueKind::String => string_method(value.as_str().unwrap_or_default(), name, args)?,
        ValueKind::Map if name == "items" => {
            from_args::<()>(args)?;
            Some(pairs(value)?)
        }
        _ => None,
    };
    match own {
        Some(value) => Ok(value),
        None => minijinja_contrib::pycompat::unknown_method_callback(state, value, name, args),
    }
}

fn pairs(value: &Value) -> Result<Value, Error> {
    let pair = |key: Value| {
        let item = value.get_item(&key)?;
        Ok(Value::from_object(Tuple(vec![key, item])))
    };
    value.try_iter()?.map(pair).collect::<Result<Vec<_>, Error>>().map(Value::from)
}

fn string_method(text: &str, name: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    let one = || from_args::<(&str,)>(args).map(|(text,)| text);
    Ok(Some(match name {
        "removeprefix" => text.strip_prefix(one()?).unwrap_or(text).into(),
        "removesuffix" => text.strip_suffix(one()?).unwrap_or(text).into(),
        "split" | "rsplit" => split(text, name == "rsplit", args)?,
        "partition" => {
            let between = one()?;
            parts(text.split_once(between).map(|(a, b)| [a, between, b]).unwrap_or([text, "", ""]))
        }
        "rpartition" => {
            let between = one()?;
            parts(text.rsplit_once(between).map(|(a, b)| [a, between, b]).unwrap_or(["", "", text]))
        }
        "find" | "rfind" | "index" | "rindex" => {
            let what = one()?;
            let at = if name.starts_with('r') { text.rfind(what) } else { text.find(what) };
            match at {
                Some(at) => text[..at].chars().count().into(),
                None if name.ends_with("index") => return Err(invalid("substring not found")),
                None => (-1).into(),
            }
        }
        "swapcase" => {
            from_args::<()>(args)?;
            let swapped = |letter: char| {
                if letter.is_uppercase() {
                    letter.to_lowercase().to_string()
                } else {
                    letter.to_uppercase().to_string()
                }
            };
            text.chars().map(swapped).collect::<String>().into()
        }
        "zfill" => {
            let (width,): (usize,) = from_args(args)?;
            let (sign, digits) = match text.strip_prefix(['-', '+']) {
                Some(rest) => text.split_at(text.len() - rest.len()),
                None => ("", text),
            };
            format!("{sign}{}{digits}", padding(text, '0', width)?).into()
        }
        "ljust" | "rjust" => {
            let (width, fill): (usize, Option<char>) = from_args(args)?;
            let space = padding(text, fill.unwrap_or(' '), width)?;
            if name == "ljust" { format!("{text}{space}") } else { format!("{space}{text}") }.into()
        }
        "islower" | "isupper" => {
            from_args::<()>(args)?;
            let (lower, upper) = (text.chars().any(char::is_lowercase), text.chars().any(char::is_uppercase));
            if name == "islower" { lower && !upper } else { upper && !lower }.into()
        }
        // For an empty string Python returns false, minijinja true.
        "isspace" | "isdigit" | "isnumeric" | "isalnum" | "isalpha" | "isdecimal" if text.is_empty() => {
            false.into()
        }
        _ => return Ok(None),
    }))
}

/// Limited to what a loop in the template could write within its fuel.
fn padding(text: &str, fill: char, width: usize) -> Result<String, Error> {
    let count = width.saturating_sub(text.chars().count());
    if count > 1 << 16 {
        return Err(invalid("the width is too large"));
    }
    Ok(std::iter::repeat_n(fill, count).collect())
}

fn parts(parts: [&str; 3]) -> Value {
    Value::from_object(Tuple(parts.into_iter().map(Value::from).collect()))
}

fn invalid(reason: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, reason)
}

/// `split(sep=None, maxsplit=-1)`, from the left or the right.
fn split(text: &str, from_right: bool, args: &[Value]) -> Result<Value, Error> {
    let (separator, max, named): (Option<Value>, Option<i64>, Kwargs) = from_args(args)?;
    let separator = separator.or(named.get("sep")?).filter(|separator| !separator.is_none());
    let max = max.or(named.get("maxsplit")?).unwrap_or(-1);
    named.assert_all_used()?;
    let max = usize::try_from(max).unwrap_or(usize::MAX - 1);
    let list: Vec<&str> = match separator {
        Some(separator) => {
            let separator = separator.as_str().filter(|separator| !separator.is_empty());
            let separator = separator.ok_or_else(|| invalid("the separator is not a string or is empty"))?;
            if from_right {
                let mut list: Vec<&str> = text.rsplitn(max + 1, separator).collect();
                list.reverse();
                list
            } else {
                text.splitn(max + 1, separator).collect()
            }
        }
        None => split_whitespace(text, from_right, max),
    };
    Ok(list.into_iter().map(Value::from).collect())
}

/// Splits at runs of white space. The remainder after the last split keeps its inner and far white space.
fn split_whitespace(text: &str, from_right: bool, max: usize) -> Vec<&str> {
    fn near(text: &str, from_right: bool) -> &str {
        if from_right { text.trim_end() } else { text.trim_start() }
    }
    let mut list = Vec::new();
    let mut rest: &str = near(text, from_right);
    while !rest.is_empty() {
        let at = if from_right { rest.rfind(char::is_whitespace) } else { rest.find(char::is_whitespace) };
        let Some(at) = at.filter(|_| list.len() < max) else {
            list.push(rest);
            break;
        };
        let (word, more) = if from_right {
            let (more, word) = rest.split_at(at);
            (word.trim_start(), more)
        } else {
            rest.split_at(at)
        };
        list.push(word);
        rest = near(more, from_right);
    }
    if from_right {
        list.reverse();
    }
    list
}

/// Jinja's `join(value, d='', attribute=None)`, with items converted by Python's `str`.
fn join(value: &Value, between: Option<&str>, named: Kwargs) -> Result<String, Error> {
    let between = match between {
        Some(between) => between.to_owned(),
        None => named.get::<Option<String>>("d")?.unwrap_or_default(),
    };
    let attribute = named.get::<Option<String>>("attribute")?;
    named.assert_all_used()?;
    let item = |item: Value| match &attribute {
        Some(name) => item.get_attr(name).map(|value| python::str(&value)),
        None => Ok(python::str(&item)),
    };
    Ok(value.try_iter()?.map(item).collect::<Result<Vec<_>, Error>>()?.join(&between))
}
