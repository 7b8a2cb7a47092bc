//! Metadata values of all thirteen types. Lists are stored by element type, because a vocabulary has hundreds
//! of thousands of strings.
use std::collections::BTreeMap;

use super::HeaderError;
use super::reader::Reader;

/// A metadata value. `i128` holds integers of every width and sign without loss.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Integer(i128),
    Float(f64),
    Bool(bool),
    Text(String),
    List(List),
}

/// A list; all elements have one type.
#[derive(Debug, Clone, PartialEq)]
pub enum List {
    Integers(Vec<i64>),
    Floats(Vec<f64>),
    Bools(Vec<bool>),
    Texts(Vec<String>),
    Lists(Vec<List>),
}

/// The metadata of a file, by key.
pub type Metadata = BTreeMap<String, Value>;

/// Limit of the elements of all lists in a file: four times the largest vocabulary with its merges.
const MAX_ELEMENTS: u64 = 4 << 20;
/// Limit of nesting; no published file has nested lists.
const MAX_DEPTH: usize = 4;

type Result<T> = std::result::Result<T, HeaderError>;

/// Reads values and counts their elements.
pub struct Values {
    elements: u64,
}

impl Values {
    pub fn new() -> Self {
        Self { elements: 0 }
    }

    /// A type and its value.
    pub fn read(&mut self, reader: &mut Reader) -> Result<Value> {
        let kind = reader.u32()?;
        Ok(match kind {
            0..=5 | 10 | 11 => Value::Integer(integer(reader, kind)?),
            6 | 12 => Value::Float(float(reader, kind)?),
            7 => Value::Bool(boolean(reader)?),
            8 => Value::Text(reader.text()?.to_owned()),
            9 => Value::List(self.list(reader, MAX_DEPTH)?),
            other => return Err(unknown(other)),
        })
    }

    fn list(&mut self, reader: &mut Reader, depth: usize) -> Result<List> {
        if depth == 0 {
            return Err(HeaderError::invalid(format!("its metadata has lists more than {MAX_DEPTH} deep")));
        }
        let kind = reader.u32()?;
        let count = reader.u64()?;
        let smallest = match kind {
            0 | 1 | 7 => 1,
            2 | 3 => 2,
            4..=6 => 4,
            8 | 10..=12 => 8,
            9 => 12,
            other => return Err(unknown(other)),
        };
        // Checked before allocation: the rest of the file must be able to hold `count` elements.
        if count > reader.left() as u64 / smallest {
            let expected = (reader.position() as u64).saturating_add(count.saturating_mul(smallest));
            return Err(HeaderError::Truncated { expected });
        }
        self.elements = self.elements.saturating_add(count);
        if self.elements > MAX_ELEMENTS {
            return Err(HeaderError::invalid(format!(
                "its metadata has lists of over {MAX_ELEMENTS} elements"
            )));
        }
        Ok(match kind {
            0..=5 | 11 => List::Integers(each(count, || Ok(integer(reader, kind)? as i64))?),
            10 => List::Integers(each(count, || {
                i64::try_from(integer(reader, kind)?)
                    .map_err(|_| HeaderError::invalid("a number is over 2^63"))
            })?),
            6 | 12 => List::Floats(each(count, || float(reader, kind))?),
            7 => List::Bools(each(count, || boolean(reader))?),
            8 => List::Texts(each(count, || Ok(reader.text()?.to_owned()))?),
            _ => List::Lists(each(count, || self.list(reader, depth - 1))?),
        })
    }
}

fn each<T>(count: u64, mut read: impl FnMut() -> Result<T>) -> Result<Vec<T>> {
    (0..count).map(|_| read()).collect()
}

fn integer(reader: &mut Reader, kind: u32) -> Result<i128> {
    Ok(match kind {
        0 => u8::from_le_bytes(reader.array()?).into(),
        1 => i8::from_le_bytes(reader.array()?).into(),
        2 => u16::from_le_bytes(reader.array()?).into(),
        3 => i16::from_le_bytes(reader.array()?).into(),
        4 => u32::from_le_bytes(reader.array()?).into(),
        5 => i32::from_le_bytes(reader.array()?).into(),
        10 => u64::from_le_bytes(reader.array()?).into(),
        _ => i64::from_le_bytes(reader.array()?).into(),
    })
}

fn float(reader: &mut Reader, kind: u32) -> Result<f64> {
    if kind == 6 {
        return Ok(shortest(f32::from_le_bytes(reader.array()?)));
    }
    Ok(f64::from_le_bytes(reader.array()?))
}

/// The shortest decimal of an f32: a stored 1e-6 is read as 1e-6 and not as the nearest f32 widened to f64.
fn shortest(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

fn boolean(reader: &mut Reader) -> Result<bool> {
    match reader.array::<1>()? {
        [0] => Ok(false),
        [1] => Ok(true),
        [other] => Err(HeaderError::invalid(format!("a boolean in its metadata is {other}"))),
    }
}

fn unknown(kind: u32) -> HeaderError {
    HeaderError::invalid(format!("its metadata has a value of unknown type {kind}"))
}
