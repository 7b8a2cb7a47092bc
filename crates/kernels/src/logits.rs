//! Logits in memory of the host: their own, or pinned memory that a card wrote. Rows are taken apart without
//! copying: each is the whole vocabulary.
use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use cuda::Pinned;

/// f32 values, row-major. Clones and parts share the memory.
#[derive(Clone)]
pub struct Logits {
    memory: Arc<Memory>,
    range: Range<usize>,
}

enum Memory {
    Owned(Vec<f32>),
    Pinned(Arc<Pinned>),
}

impl Logits {
    /// The first `len` values of memory that nothing writes as long as somebody else holds it.
    pub(crate) fn pinned(memory: Arc<Pinned>, len: usize) -> Self {
        Self { memory: Arc::new(Memory::Pinned(memory)), range: 0..len }
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

    fn deref(&self) -> &[f32] {
        match &*self.memory {
            Memory::Owned(values) => &values[self.range.clone()],
            Memory::Pinned(memory) => memory.slice(4 * self.range.start, self.range.len()),
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
        (**self).fmt(out)
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
