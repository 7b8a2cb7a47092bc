//! Room for weights: thousands of matrices share few allocations, because each of those takes the driver a
//! tenth of a millisecond and is rounded up to 2 MiB.
use std::sync::Arc;

use crate::context::Context;
use crate::error::Result;
use crate::memory::{ALIGNMENT, Buffer};

const SLAB_BYTES: usize = 64 << 20;
/// From here on a range is an allocation of its own.
const LARGE: usize = 8 << 20;
/// A slab with less than this left is closed.
const CLOSED: usize = 64 << 10;

/// The slabs that have room left.
#[derive(Default)]
pub struct Slabs {
    open: Vec<Slab>,
}

struct Slab {
    buffer: Buffer,
    at: usize,
}

impl Slabs {
    /// # Errors
    /// When the card has not so much left.
    pub fn take(&mut self, context: &Arc<Context>, bytes: usize) -> Result<Buffer> {
        if bytes >= LARGE {
            return Buffer::new(context, bytes);
        }
        let fits = |slab: &Slab| slab.at + bytes <= slab.buffer.bytes();
        if !self.open.iter().any(fits) {
            self.open.push(Slab { buffer: Buffer::new(context, SLAB_BYTES)?, at: 0 });
        }
        let slab = self.open.iter_mut().find(|slab| fits(slab)).expect("one with room is there");
        let part = slab.buffer.part(slab.at, bytes);
        slab.at = (slab.at + bytes).next_multiple_of(ALIGNMENT);
        self.open.retain(|slab| slab.at + CLOSED <= slab.buffer.bytes());
        Ok(part)
    }
}
