//! Reads keys of a `config.json` with type and range checks. The file is untrusted: an absurd number must
//! give an error with its key instead of an overflow elsewhere. Knows no model family.
use serde_json::{Map, Value};

use super::ConfigError;

/// Far above every published size; the product of three sizes does not overflow.
const MAX_SIZE: u64 = 1 << 20;

/// An object of a `config.json`.
pub struct Fields<'a>(pub &'a Map<String, Value>);

type Result<T> = std::result::Result<T, ConfigError>;

impl<'a> Fields<'a> {
    /// The value of a key; `null` counts as absent, because Python writes `None` as `null`.
    pub fn get(&self, key: &str) -> Option<&'a Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    /// A required size, at least 1.
    pub fn size(&self, key: &'static str) -> Result<usize> {
        self.size_opt(key)?.ok_or_else(|| ConfigError::invalid(format!("{key} is missing")))
    }

    pub fn size_or(&self, key: &'static str, default: usize) -> Result<usize> {
        Ok(self.size_opt(key)?.unwrap_or(default))
    }

    pub fn size_opt(&self, key: &'static str) -> Result<Option<usize>> {
        match self.count_opt(key)? {
            Some(0) => Err(ConfigError::invalid(format!("{key} is 0"))),
            other => Ok(other),
        }
    }

    /// Like [`Fields::size_opt`], with 0 allowed.
    pub fn count_opt(&self, key: &'static str) -> Result<Option<usize>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        // Some tools write integers as 4096.0.
        let whole = value
            .as_u64()
            .or_else(|| value.as_f64().filter(|v| v.fract() == 0.0 && *v >= 0.0).map(|v| v as u64));
        match whole {
            Some(number) if number <= MAX_SIZE => Ok(Some(number as usize)),
            _ => Err(ConfigError::invalid(format!("{key} is {value}, not a size from 1 to {MAX_SIZE}"))),
        }
    }

    /// A finite number above 0.
    pub fn positive(&self, key: &'static str) -> Result<f64> {
        self.positive_opt(key)?.ok_or_else(|| ConfigError::invalid(format!("{key} is missing")))
    }

    pub fn positive_or(&self, key: &'static str, default: f64) -> Result<f64> {
        Ok(self.positive_opt(key)?.unwrap_or(default))
    }

    pub fn positive_opt(&self, key: &'static str) -> Result<Option<f64>> {
        match self.number_opt(key)? {
            Some(number) if number <= 0.0 => {
                Err(ConfigError::invalid(format!("{key} is {number}, not above 0")))
            }
            other => Ok(other),
        }
    }

    /// A finite number.
    pub fn number_opt(&self, key: &'static str) -> Result<Option<f64>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match value.as_f64() {
            Some(number) if number.abs() < 1e12 => Ok(Some(number)),
            _ => Err(ConfigError::invalid(format!("{key} is {value}, not a number below 1e12"))),
        }
    }

    pub fn flag(&self, key: &'static str, default: bool) -> Result<bool> {
        match self.get(key) {
            None => Ok(default),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(value) => Err(ConfigError::invalid(format!("{key} is {value}, neither true nor false"))),
        }
    }

    pub fn text(&self, key: &'static str) -> Result<Option<&'a str>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(value) => Err(ConfigError::invalid(format!("{key} is {value}, not a text"))),
        }
    }

    pub fn object(&self, key: &'static str) -> Result<Option<Fields<'a>>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Fields(map))),
            Some(value) => Err(ConfigError::invalid(format!("{key} is {value}, not an object"))),
        }
    }

    /// Requires one value of a string key; `default` is that of the published class.
    pub fn require_text(&self, key: &'static str, default: &str, only: &'static str) -> Result<()> {
        match self.text(key)?.unwrap_or(default) {
            text if text == only => Ok(()),
            other => Err(ConfigError::unsupported(key, other, only)),
        }
    }

    /// Rejects `true` for an unsupported feature.
    pub fn require_false(&self, key: &'static str) -> Result<()> {
        if self.flag(key, false)? { Err(ConfigError::unsupported(key, true, "false")) } else { Ok(()) }
    }
}
