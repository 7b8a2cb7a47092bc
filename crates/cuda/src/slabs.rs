//! Room for weights: thousands of matrices share few allocations, because each of those takes the driver a
//! tenth of a millisecond and is rounded up to 2 MiB.
use std::sync::Arc;

use crate::context::Context;
use crate::error::Result;
use crate::memory::{ALIGNMENT, Buffer};

const SLAB_BYTES: usize = 64 << 20;
/// From here on a range is an allocation of its own.
const LARGE: usize = 8 << 20;
/// More slabs with room than this are not looked through: the fullest of them is left as it is.
const OPEN: usize = 4;

/// The slabs that may have room left. They are kept by this too, so it is emptied after loading.
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
            if self.open.len() == OPEN {
                let fullest = self.open.iter().enumerate().max_by_key(|(_, slab)| slab.at);
                let (at, _) = fullest.expect("some are open");
                self.open.swap_remove(at);
            }
            self.open.push(Slab { buffer: Buffer::new(context, SLAB_BYTES)?, at: 0 });
        }
        let slab = self.open.iter_mut().find(|slab| fits(slab)).expect("one with room is there");
        let part = slab.buffer.part(slab.at, bytes);
        slab.at = (slab.at + bytes).next_multiple_of(ALIGNMENT);
        Ok(part)
    }
}
