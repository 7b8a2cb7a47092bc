//! The workspace of a pass: places in one allocation that are given out and taken back, so that a step
//! neither allocates nor frees.
use std::sync::Arc;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::memory::{ALIGNMENT, Buffer, Ptr};

/// One allocation given out from front to back. Values that are not needed at the same time share their
/// place: a caller goes back to a mark when those after it are done with.
pub struct Arena {
    buffer: Option<Buffer>,
    base: u64,
    bytes: usize,
    at: usize,
    most: usize,
}

/// How far an arena was given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark(usize);

impl Arena {
    /// # Errors
    /// When the card has not so much left.
    pub fn new(context: &Arc<Context>, bytes: usize) -> Result<Self> {
        let buffer = Buffer::new(context, bytes)?;
        Ok(Self { base: buffer.ptr::<u8>().address(), buffer: Some(buffer), bytes, at: 0, most: 0 })
    }

    /// An arena without memory, that measures how much a real one needs. Nothing may be launched on it.
    pub fn measuring() -> Self {
        Self { buffer: None, base: ALIGNMENT as u64, bytes: usize::MAX / 2, at: 0, most: 0 }
    }

    /// # Errors
    /// When it is full, which is a wrong size given by the caller.
    pub fn take<T>(&mut self, count: usize) -> Result<Ptr<T>> {
        let end =
            count.checked_mul(size_of::<T>()).and_then(|bytes| bytes.checked_next_multiple_of(ALIGNMENT));
        let end = end.and_then(|bytes| bytes.checked_add(self.at)).filter(|end| *end <= self.bytes);
        let Some(end) = end else {
            return Err(Error::Shape(format!(
                "a workspace of {} bytes is full at {}: {count} values do not fit",
                self.bytes, self.at
            )));
        };
        let at = std::mem::replace(&mut self.at, end);
        self.most = self.most.max(end);
        Ok(Ptr::new(self.base + at as u64))
    }

    pub fn mark(&self) -> Mark {
        Mark(self.at)
    }

    /// Gives back everything that was taken since the mark.
    pub fn reset(&mut self, mark: Mark) {
        self.at = self.at.min(mark.0);
    }

    /// The most bytes that were given out at once.
    pub fn most(&self) -> usize {
        self.most
    }

    /// The memory behind it; `None` when it only measures.
    pub fn buffer(&self) -> Option<&Buffer> {
        self.buffer.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arena_overlays_what_is_given_back() {
        let mut arena = Arena::measuring();
        let first = arena.take::<f32>(1).expect("room");
        let mark = arena.mark();
        let second = arena.take::<u8>(257).expect("room");
        assert_eq!(second.address() - first.address(), 256);
        arena.reset(mark);
        let again = arena.take::<f32>(3).expect("room");
        assert_eq!(again.address(), second.address());
        assert_eq!(arena.most(), 256 + 512);
        assert!(arena.take::<f32>(usize::MAX / 4).is_err(), "an arena that is full says so");
    }
}
