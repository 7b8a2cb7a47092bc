//! Python's `%` formatting (`'%s of %d' % (a, b)`), as far as templates use it: s, r, d, i, u, x, X, o, f and
//! F. The results equal Python's; any other conversion is an error, not an empty text.
use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};

use crate::python::{self, Tuple};

/// Limit of a field's width, because a template is untrusted.
const MAX_WIDTH: usize = 1 << 10;

/// # Errors
/// A wrong number of values, a value of the wrong type, or an unsupported conversion.
pub fn format(pattern: &str, argument: &Value) -> Result<String, Error> {
    let mapping = (argument.kind() == ValueKind::Map).then_some(argument);
    let mut values = match argument.downcast_object_ref::<Tuple>() {
        Some(tuple) => tuple.0.clone(),
        None => vec![argument.clone()],
    }
    .into_iter();
    let mut out = String::new();
    let mut rest = pattern;
    while let Some((before, conversion)) = rest.split_once('%') {
        out.push_str(before);
        let (field, kind, after) = parse_conversion(conversion)?;
        rest = after;
        if kind == '%' {
            out.push('%');
            continue;
        }
        let value = match (&field.key, mapping) {
            (Some(key), Some(mapping)) => mapping.get_attr(key)?,
            (Some(_), None) => return Err(invalid("a format with keys needs a mapping")),
            (None, _) => values.next().ok_or_else(|| invalid("not enough values for the format"))?,
        };
        out.push_str(&field.convert(kind, &value)?);
    }
    if mapping.is_none() && values.next().is_some() {
        return Err(invalid("not all values were converted by the format"));
    }
    Ok(out + rest)
}

#[derive(Default)]
struct Field {
    key: Option<String>,
    left: bool,
    plus: bool,
    space: bool,
    zeros: bool,
    width: usize,
    precision: Option<usize>,
}

/// Parses a conversion after its `%`: field, conversion type, rest.
fn parse_conversion(conversion: &str) -> Result<(Field, char, &str), Error> {
    let mut field = Field::default();
    let mut rest = conversion;
    if let Some(inside) = rest.strip_prefix('(') {
        let (key, after) =
            inside.split_once(')').ok_or_else(|| invalid("a key of a format is not closed"))?;
        (field.key, rest) = (Some(key.to_owned()), after);
    }
    while let Some(flag) = rest.chars().next().filter(|flag| "-+ 0#".contains(*flag)) {
        match flag {
            '-' => field.left = true,
            '+' => field.plus = true,
            ' ' => field.space = true,
            '0' => field.zeros = true,
            _ => {}
        }
        rest = &rest[1..];
    }
    (field.width, rest) = number(rest)?;
    if let Some(after) = rest.strip_prefix('.') {
        let (precision, after) = number(after)?;
        (field.precision, rest) = (Some(precision), after);
    }
    let kind = rest.chars().next().ok_or_else(|| invalid("a format is incomplete"))?;
    Ok((field, kind, &rest[kind.len_utf8()..]))
}

/// Leading digits; 0 if there are none.
fn number(text: &str) -> Result<(usize, &str), Error> {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let value = if end == 0 { Ok(0) } else { text[..end].parse() };
    let value =
        value.ok().filter(|value| *value <= MAX_WIDTH).ok_or_else(|| invalid("a format is too wide"))?;
    Ok((value, &text[end..]))
}

impl Field {
    fn convert(&self, kind: char, value: &Value) -> Result<String, Error> {
        let text = match kind {
            's' | 'r' => {
                let text = if kind == 's' { python::str(value) } else { python::repr(value) };
                let text = self.precision.map_or(text.clone(), |max| text.chars().take(max).collect());
                return Ok(self.padded("", &text, false));
            }
            'd' | 'i' | 'u' => integer(value)?.to_string(),
            'x' => format!("{:x}", integer(value)?),
            'X' => format!("{:X}", integer(value)?),
            'o' => format!("{:o}", integer(value)?),
            'f' | 'F' => format!("{:.*}", self.precision.unwrap_or(6), float(value)?),
            _ => return Err(invalid("the format has an unsupported conversion")),
        };
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => ("-", digits),
            None if self.plus => ("+", text.as_str()),
            None if self.space => (" ", text.as_str()),
            None => ("", text.as_str()),
        };
        Ok(self.padded(sign, digits, self.zeros))
    }

    fn padded(&self, sign: &str, text: &str, zeros: bool) -> String {
        let missing = self.width.saturating_sub(sign.chars().count() + text.chars().count());
        match (self.left, zeros) {
            (true, _) => format!("{sign}{text}{}", " ".repeat(missing)),
            (false, true) => format!("{sign}{}{text}", "0".repeat(missing)),
            (false, false) => format!("{}{sign}{text}", " ".repeat(missing)),
        }
    }
}

fn integer(value: &Value) -> Result<i128, Error> {
    match value.is_integer() {
        true => i128::try_from(value.clone()),
        false => Ok(float(value)?.trunc() as i128),
    }
}

fn float(value: &Value) -> Result<f64, Error> {
    match value.kind() {
        ValueKind::Bool => Ok(f64::from(u8::from(value.is_true()))),
        ValueKind::Number => f64::try_from(value.clone()),
        _ => Err(invalid("a numeric format got a value that is not a number")),
    }
}

fn invalid(reason: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, reason)
}
