//! The memory of a model's weights, by purpose and by storage format. Knows nothing of how weights are
//! loaded.
use std::collections::BTreeMap;

use checkpoint::Dtype;

/// The purpose of a weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WeightKind {
    /// The embedding and the head.
    Vocabulary,
    Attention,
    /// What every token uses besides attention: dense MLPs, shared experts, router gates, norms.
    Dense,
    /// Routed experts, of which a token uses few.
    Experts,
    /// The MTP layer, its experts included.
    Mtp,
    /// The vision tower and its projector.
    Vision,
}

/// Bytes, summed up while a model is loaded.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    kinds: BTreeMap<WeightKind, u64>,
    formats: BTreeMap<&'static str, u64>,
}

impl Ledger {
    pub(crate) fn add(&mut self, kind: WeightKind, dtype: Dtype, bytes: u64) {
        *self.kinds.entry(kind).or_default() += bytes;
        *self.formats.entry(dtype.name()).or_default() += bytes;
    }

    pub fn kind(&self, kind: WeightKind) -> u64 {
        self.kinds.get(&kind).copied().unwrap_or(0)
    }

    /// Every kind that has bytes.
    pub fn kinds(&self) -> impl Iterator<Item = (WeightKind, u64)> {
        self.kinds.iter().map(|(kind, bytes)| (*kind, *bytes))
    }

    /// The bytes of every format in use. They show which matrices a requantization reached.
    pub fn formats(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.formats.iter().map(|(name, bytes)| (*name, *bytes))
    }

    pub fn weights(&self) -> u64 {
        self.kinds.values().sum()
    }
}
