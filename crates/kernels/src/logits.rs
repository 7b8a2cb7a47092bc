//! Logits in memory of the host, in pinned memory that a card wrote, or still on the card with their most
//! likely tokens here. Rows are taken apart without copying: each is the whole vocabulary.
use std::fmt;
use std::ops::{Deref, Range};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use candle_core::{Result, bail};
use cuda::Pinned;
pub use cuda::ops::top::TopRow;

use crate::lane::Rows;

/// f32 values, row-major. Clones and parts share the memory.
#[derive(Clone)]
pub struct Logits {
    memory: Arc<Memory>,
    range: Range<usize>,
}

enum Memory {
    Owned(Vec<f32>),
    Pinned(Arc<Pinned>),
    Card(OnCard),
}

/// How far below the largest logit the tokens of a [`TopRow`] reach, times the temperature.
pub const TOP_NATS: f32 = 11.0;

/// Logits that lie on a card until the next pass.
pub(crate) struct OnCard {
    pub parts: Vec<Rows>,
    /// Of each row; none where more tokens are in reach than a card finds.
    pub top: Vec<Option<TopRow>>,
    pub vocab: usize,
    /// The passes of the model so far, and that of these logits.
    pub passes: Arc<AtomicU64>,
    pub pass: u64,
    pub values: OnceLock<Vec<f32>>,
}

impl OnCard {
    fn load(&self) -> Result<()> {
        if self.values.get().is_some() {
            return Ok(());
        }
        if self.passes.load(Ordering::Relaxed) != self.pass {
            bail!("logits of an earlier pass: a later one took their memory on the card");
        }
        let values = self.parts.iter().map(Rows::read).collect::<Result<Vec<_>>>()?.concat();
        self.values.get_or_init(|| values);
        Ok(())
    }
}

impl Logits {
    /// The first `len` values of memory that nothing writes as long as somebody else holds it.
    pub(crate) fn pinned(memory: Arc<Pinned>, len: usize) -> Self {
        Self { memory: Arc::new(Memory::Pinned(memory)), range: 0..len }
    }

    pub(crate) fn on_card(logits: OnCard) -> Self {
        let range = 0..logits.top.len() * logits.vocab;
        Self { memory: Arc::new(Memory::Card(logits)), range }
    }

    /// The most likely tokens, when these are one row of logits on a card, and it found them.
    pub fn top(&self) -> Option<&TopRow> {
        match &*self.memory {
            Memory::Card(logits) if self.range.len() == logits.vocab => {
                logits.top.get(self.range.start / logits.vocab)?.as_ref()
            }
            _ => None,
        }
    }

    /// Brings the values from the card, if they are still there. They must be before they are read.
    ///
    /// # Errors
    /// When the card fails, or computed another pass since.
    pub fn load(&self) -> Result<()> {
        match &*self.memory {
            Memory::Card(logits) => logits.load(),
            Memory::Owned(_) | Memory::Pinned(_) => Ok(()),
        }
    }

    /// How many rows of `vocab` values these are.
    pub fn rows(&self, vocab: usize) -> usize {
        self.range.len() / vocab
    }

    /// Row `row`, of `vocab` values.
    ///
    /// # Panics
    /// When there are not so many rows.
    #[must_use]
    pub fn row(&self, row: usize, vocab: usize) -> Self {
        self.part(row * vocab..(row + 1) * vocab)
    }

    /// Values `range` of these.
    ///
    /// # Panics
    /// When they do not lie within.
    #[must_use]
    pub fn part(&self, range: Range<usize>) -> Self {
        assert!(
            range.start <= range.end && range.end <= self.range.len(),
            "{range:?} of {}",
            self.range.len()
        );
        let start = self.range.start;
        Self { memory: self.memory.clone(), range: start + range.start..start + range.end }
    }
}

impl Default for Logits {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl From<Vec<f32>> for Logits {
    fn from(values: Vec<f32>) -> Self {
        let range = 0..values.len();
        Self { memory: Arc::new(Memory::Owned(values)), range }
    }
}

impl Deref for Logits {
    type Target = [f32];

    /// # Panics
    /// When they are on a card: see [`Logits::load`].
    fn deref(&self) -> &[f32] {
        match &*self.memory {
            Memory::Owned(values) => &values[self.range.clone()],
            Memory::Pinned(memory) => memory.slice(4 * self.range.start, self.range.len()),
            Memory::Card(logits) => {
                &logits.values.get().expect("logits are loaded before they are read")[self.range.clone()]
            }
        }
    }
}

impl PartialEq for Logits {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl fmt::Debug for Logits {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        write!(out, "{} logits", self.range.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_share_the_values() {
        let all = Logits::from(vec![1.0, 2.0, 3.0, 4.0]);
        let part = all.part(1..4);
        assert_eq!(*part, [2.0, 3.0, 4.0]);
        assert_eq!(*part.part(1..2), [3.0]);
        assert_eq!(part.part(3..3).len(), 0);
        assert!(std::ptr::eq(&raw const all[1], &raw const part[0]));
    }
}
