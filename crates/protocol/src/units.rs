//! Units of the numbers that cross: a count of bytes is never taken for a count of tokens.
//! In JSON both are plain numbers. Conversion to GB and words is in `messages`.
use std::fmt;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bytes(pub u64);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tokens(pub u32);

impl From<u64> for Bytes {
    fn from(bytes: u64) -> Self {
        Self(bytes)
    }
}

impl From<u32> for Tokens {
    fn from(tokens: u32) -> Self {
        Self(tokens)
    }
}

impl From<usize> for Tokens {
    /// No context is longer than `u32::MAX` tokens.
    fn from(tokens: usize) -> Self {
        Self(u32::try_from(tokens).unwrap_or(u32::MAX))
    }
}

impl PartialEq<u32> for Tokens {
    fn eq(&self, other: &u32) -> bool {
        self.0 == *other
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
