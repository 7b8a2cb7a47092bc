//! Device memory for activations. A block goes back when its last owner drops it and may be handed out at
//! once, also while kernels that use it are still queued: all of them run in the order of one stream. After
//! the first pass of each size nothing is allocated.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::{Buffer, Card, Ptr, Result};

/// Sizes are rounded up to a quarter of a power of two, so that few of them exist.
const STEPS: usize = 4;
const MIN_BYTES: usize = 1024;

pub struct Pool {
    card: Arc<Card>,
    free: Mutex<BTreeMap<usize, Vec<Buffer>>>,
    allocated: AtomicU64,
    bytes: AtomicU64,
}

/// A block of a pool.
pub struct Slot {
    buffer: Option<Buffer>,
    pool: Arc<Pool>,
}

impl Pool {
    pub fn new(card: Arc<Card>) -> Arc<Self> {
        Arc::new(Self {
            card,
            free: Mutex::default(),
            allocated: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        })
    }

    /// A block of at least `bytes`.
    ///
    /// # Errors
    /// When no block is free and the card has too little memory.
    pub fn take(self: &Arc<Self>, bytes: usize) -> Result<Slot> {
        let size = rounded(bytes);
        let mut free = self.free.lock();
        // The rest of a prompt takes the blocks of a whole chunk, or each length would keep its own.
        let buffer = match free.range_mut(size..=2 * size).find_map(|(_, blocks)| blocks.pop()) {
            Some(buffer) => buffer,
            None => {
                self.allocated.fetch_add(1, Ordering::Relaxed);
                self.bytes.fetch_add(size as u64, Ordering::Relaxed);
                Buffer::new(&self.card, size)?
            }
        };
        Ok(Slot { buffer: Some(buffer), pool: self.clone() })
    }

    /// How many blocks were allocated so far.
    pub fn allocated(&self) -> u64 {
        self.allocated.load(Ordering::Relaxed)
    }

    /// Bytes of all blocks.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

impl Slot {
    pub fn ptr<T>(&self) -> Ptr<T> {
        self.buffer().ptr()
    }

    pub fn buffer(&self) -> &Buffer {
        self.buffer.as_ref().expect("a slot has its buffer until it is dropped")
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(buffer) = self.buffer.take() {
            let mut free = self.pool.free.lock();
            free.entry(buffer.bytes()).or_default().push(buffer);
        }
    }
}

fn rounded(bytes: usize) -> usize {
    let bytes = bytes.max(MIN_BYTES);
    let step = (bytes.next_power_of_two() / 2 / STEPS).max(1);
    bytes.next_multiple_of(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_few_and_never_too_small() {
        for bytes in (1..200_000).step_by(37) {
            let size = rounded(bytes);
            assert!(size >= bytes && size <= (bytes * 5 / 4 + 1).max(MIN_BYTES), "{bytes}: {size}");
            assert_eq!(rounded(size), size, "a size is its own size");
        }
    }
}
