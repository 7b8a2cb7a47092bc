//! What a model's weights take, by what they are for and by how they are stored.
use std::collections::BTreeMap;

use checkpoint::Dtype;

/// What a weight is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The embedding and the head.
    Vocabulary,
    Attention,
    /// Feed-forward networks that every token passes: dense layers, shared experts, gates, norms.
    Dense,
    /// Routed experts, of which a token passes few.
    Experts,
    /// The prediction layer, its experts included.
    Prediction,
    /// The vision tower and its projector.
    Vision,
}

/// Bytes, added up while a model is loaded.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    parts: BTreeMap<Part, u64>,
    formats: BTreeMap<&'static str, u64>,
}

impl Ledger {
    pub(crate) fn add(&mut self, part: Part, dtype: Dtype, bytes: u64) {
        *self.parts.entry(part).or_default() += bytes;
        *self.formats.entry(dtype.name()).or_default() += bytes;
    }

    pub fn part(&self, part: Part) -> u64 {
        self.parts.get(&part).copied().unwrap_or(0)
    }

    /// Every part that has bytes.
    pub fn parts(&self) -> impl Iterator<Item = (Part, u64)> {
        self.parts.iter().map(|(part, bytes)| (*part, *bytes))
    }

    /// The name of every format in use, with its bytes: how much a shrink really reached can be read here.
    pub fn formats(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.formats.iter().map(|(name, bytes)| (*name, *bytes))
    }

    pub fn weights(&self) -> u64 {
        self.parts.values().sum()
    }
}
