//! One setting that we write: where it is, what it says, and whose it is.
//! Knows no format and no program.

use serde::{Deserialize, Serialize};

use crate::tree::{At, Part};
use crate::value::Value;

/// Whose a setting is, which says what undoing does with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// It has our name and is removed, also when the user changed it.
    Owned,
    /// The program has one of it. It gets its old value back, unless the user gave it another since.
    Shared,
    /// The file must have one of it. One that is there stays, and ours goes only with the file.
    Default,
}

/// A setting.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub at: At,
    pub kind: Kind,
    pub value: Value,
}

impl Entry {
    pub fn owned(at: At, value: impl Into<Value>) -> Self {
        Self { at, kind: Kind::Owned, value: value.into() }
    }

    pub fn shared(keys: &[&str], value: impl Into<Value>) -> Self {
        Self { at: keys.iter().map(|key| Part::key(key)).collect(), kind: Kind::Shared, value: value.into() }
    }

    pub fn default(key: &str, value: impl Into<Value>) -> Self {
        Self { at: vec![Part::key(key)], kind: Kind::Default, value: value.into() }
    }
}
