//! JSON as clients send it, deserialised by one set of rules: null is an absent field, `5.0` is an integer,
//! an error names the field by its path, and fields that a type does not have are listed for `other_fields`.
//! Values of free form (`serde_json::Value`: schemas, template variables) are kept as they are, nulls
//! included.
use std::cell::RefCell;
use std::fmt::{self, Display};

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, Expected, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
    Visitor, value::StrDeserializer,
};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_json::{Number, Value};

/// Above this a float does not represent every integer.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// An error of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// As `messages[0].content`; empty for the body itself.
    pub path: String,
    pub message: String,
    /// The path is complete; outer fields must not extend it.
    path_complete: bool,
}

/// A field that its type does not have. Null is never one.
#[derive(Debug, Clone, PartialEq)]
pub struct UnknownField<'a> {
    /// The Rust type it was given to.
    pub of: &'static str,
    pub name: &'a str,
    pub path: String,
    pub value: &'a Value,
}

/// Reads a value, and lists the fields that were not read.
///
/// # Errors
/// A field of another type, or one that is missing.
pub fn read<'a, T: Deserialize<'a>>(value: &'a Value) -> Result<(T, Vec<UnknownField<'a>>), FieldError> {
    let unknown = RefCell::default();
    let read = T::deserialize(Field { value, path: &Path::Root, unknown: &unknown })?;
    Ok((read, unknown.into_inner()))
}

enum Path<'p> {
    Root,
    Name(&'p Path<'p>, &'p str),
    Index(&'p Path<'p>, usize),
}

impl Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Name(Self::Root, name) => f.write_str(name),
            Self::Name(outer, name) => write!(f, "{outer}.{name}"),
            Self::Index(outer, at) => write!(f, "{outer}[{at}]"),
        }
    }
}

#[derive(Clone, Copy)]
struct Field<'a, 'p> {
    value: &'a Value,
    path: &'p Path<'p>,
    unknown: &'p RefCell<Vec<UnknownField<'a>>>,
}

impl<'a> Field<'a, '_> {
    fn wrong(&self, expected: &str) -> FieldError {
        FieldError::custom(format!("{expected} is expected, not {}", kind(self.value))).at(self.path)
    }

    /// An integer, also where it is written with a decimal point.
    fn integer(&self) -> Result<Number, FieldError> {
        let wrong = || self.wrong("a whole number");
        let number = self.value.as_number().ok_or_else(wrong)?;
        if number.is_i64() || number.is_u64() {
            return Ok(number.clone());
        }
        let float = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() <= EXACT);
        float.map(|float| Number::from(float as i64)).ok_or_else(wrong)
    }

    fn visit_integer<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, FieldError> {
        let number = self.integer()?;
        let read = match number.as_u64() {
            Some(number) => visitor.visit_u64(number),
            None => visitor.visit_i64(number.as_i64().unwrap_or(i64::MIN)),
        };
        read.map_err(|error: FieldError| error.at(self.path))
    }
}

/// As JSON calls it.
fn kind(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(_) => "text".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

macro_rules! integers {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, FieldError> {
            self.visit_integer(visitor)
        })*
    };
}

impl<'a> Deserializer<'a> for Field<'a, '_> {
    type Error = FieldError;

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, FieldError> {
        let read = match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(number), _, _) => visitor.visit_u64(number),
                (_, Some(number), _) => visitor.visit_i64(number),
                (_, _, number) => visitor.visit_f64(number.unwrap_or(f64::NAN)),
            },
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(list) => visitor.visit_seq(Items { outer: self, list: list.iter().enumerate() }),
            Value::Object(map) => {
                visitor.visit_map(Entries { outer: self, entries: map.iter(), known: None, next: None })
            }
        };
        read.map_err(|error: FieldError| error.at(self.path))
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, FieldError> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_struct<V: Visitor<'a>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        let map = match self.value {
            Value::Object(map) => map,
            // Serde would take the elements for the fields in their order.
            Value::Array(_) => return Err(self.wrong("an object")),
            // A type with a short spelling accepts it; every other one reports what it expects.
            _ => return self.deserialize_any(visitor),
        };
        for (key, value) in map {
            if !fields.contains(&key.as_str()) && !value.is_null() {
                let path = Path::Name(self.path, key).to_string();
                self.unknown.borrow_mut().push(UnknownField { of: name, name: key, path, value });
            }
        }
        let entries = Entries { outer: self, entries: map.iter(), known: Some(fields), next: None };
        visitor.visit_map(entries).map_err(|error| error.at(self.path))
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_bool<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, FieldError> {
        let value = self.value.as_bool().ok_or_else(|| self.wrong("true or false"))?;
        visitor.visit_bool(value)
    }

    fn deserialize_f32<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, FieldError> {
        let value = self.value.as_f64().ok_or_else(|| self.wrong("a number"))?;
        visitor.visit_f64(value)
    }

    fn deserialize_f64<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, FieldError> {
        self.deserialize_f32(visitor)
    }

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    fn deserialize_str<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, FieldError> {
        let text = self.value.as_str().ok_or_else(|| self.wrong("text"))?;
        visitor.visit_borrowed_str(text).map_err(|error: FieldError| error.at(self.path))
    }

    fn deserialize_string<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, FieldError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_seq<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, FieldError> {
        if self.value.is_array() { self.deserialize_any(visitor) } else { Err(self.wrong("a list")) }
    }

    fn deserialize_map<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, FieldError> {
        if self.value.is_object() { self.deserialize_any(visitor) } else { Err(self.wrong("an object")) }
    }

    forward_to_deserialize_any! {
        <V: Visitor<'a>>
        char bytes byte_buf unit unit_struct tuple tuple_struct enum identifier ignored_any
    }
}

struct Items<'a, 'p, I> {
    outer: Field<'a, 'p>,
    list: I,
}

impl<'a, I: Iterator<Item = (usize, &'a Value)>> SeqAccess<'a> for Items<'a, '_, I> {
    type Error = FieldError;

    fn next_element_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<Option<T::Value>, FieldError> {
        let Some((at, value)) = self.list.next() else { return Ok(None) };
        let path = Path::Index(self.outer.path, at);
        let read = seed.deserialize(Field { value, path: &path, unknown: self.outer.unknown });
        read.map(Some).map_err(|error| error.at(&path))
    }
}

/// All entries of an object of free form, or the known ones of a type, without those that are null.
struct Entries<'a, 'p> {
    outer: Field<'a, 'p>,
    entries: serde_json::map::Iter<'a>,
    known: Option<&'static [&'static str]>,
    next: Option<(&'a str, &'a Value)>,
}

impl<'a> MapAccess<'a> for Entries<'a, '_> {
    type Error = FieldError;

    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, FieldError> {
        let known = self.known;
        let read =
            |key: &str, value: &Value| known.is_none_or(|known| known.contains(&key) && !value.is_null());
        self.next = self.entries.by_ref().map(|(key, value)| (key.as_str(), value)).find(|(k, v)| read(k, v));
        let Some((key, _)) = self.next else { return Ok(None) };
        let key: StrDeserializer<FieldError> = key.into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, FieldError> {
        let (key, value) = self.next.take().expect("a value follows its key");
        let path = Path::Name(self.outer.path, key);
        let field = Field { value, path: &path, unknown: self.outer.unknown };
        seed.deserialize(field).map_err(|error| error.at(&path))
    }
}

impl FieldError {
    fn at(mut self, path: &Path) -> Self {
        if !self.path_complete {
            let outer = path.to_string();
            self.path = match (outer.is_empty(), self.path.is_empty()) {
                (true, _) => self.path,
                (_, true) => outer,
                _ => format!("{outer}.{}", self.path),
            };
            self.path_complete = true;
        }
        self
    }
}

impl serde::de::Error for FieldError {
    fn custom<T: Display>(message: T) -> Self {
        Self { path: String::new(), message: message.to_string(), path_complete: false }
    }

    fn missing_field(field: &'static str) -> Self {
        Self { path: field.to_owned(), ..Self::custom("it is missing") }
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match unexpected {
            Unexpected::Str(_) => "text".to_owned(),
            Unexpected::Unit => "null".to_owned(),
            Unexpected::Seq => "a list".to_owned(),
            Unexpected::Map => "an object".to_owned(),
            Unexpected::Bool(value) => value.to_string(),
            Unexpected::Unsigned(value) => value.to_string(),
            Unexpected::Signed(value) => value.to_string(),
            other => other.to_string(),
        };
        Self::custom(format!("{} is expected, not {found}", Expectation(expected)))
    }

    fn invalid_value(unexpected: Unexpected<'_>, _: &dyn Expected) -> Self {
        let found = match unexpected {
            Unexpected::Unsigned(value) => value.to_string(),
            Unexpected::Signed(value) => value.to_string(),
            other => other.to_string(),
        };
        Self::custom(format!("{found} is out of its range"))
    }
}

/// Without the names of Rust types, which mean nothing to a client.
struct Expectation<'a>(&'a dyn Expected);

impl Display for Expectation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        f.write_str(if text.starts_with("struct ") { "an object" } else { &text })
    }
}

impl Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.path, self.message)
        }
    }
}

impl std::error::Error for FieldError {}

#[cfg(test)]
mod tests;
