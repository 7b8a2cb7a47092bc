//! Memory of a card and pinned memory of the host, and the copies between them. Copies of `Pinned` only enqueue,
//! in the order of the launches, and may be captured; those of `Buffer` wait, and are for loading and tests.
use std::ffi::c_void;
use std::marker::PhantomData;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytemuck::Pod;
use cudarc::driver::sys;

use crate::context::Context;
use crate::driver::call;
use crate::error::{Error, Result};

/// Where a range begins: enough for 16-byte loads, for whole lines of the cache and for bulk copies.
pub const ALIGNMENT: usize = 256;

/// An address on the card, as it is in the parameters of a kernel.
#[repr(transparent)]
pub struct Ptr<T> {
    address: u64,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for Ptr<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Ptr<T> {}

impl<T> std::fmt::Debug for Ptr<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#x}", self.address)
    }
}

impl<T> Ptr<T> {
    pub const NULL: Self = Self::new(0);

    pub const fn new(address: u64) -> Self {
        Self { address, of: PhantomData }
    }

    pub fn address(self) -> u64 {
        self.address
    }

    /// The address `count` values further on.
    #[must_use]
    pub fn offset(self, count: usize) -> Self {
        Self::new(self.address + (count * size_of::<T>()) as u64)
    }

    pub fn cast<U>(self) -> Ptr<U> {
        Ptr::new(self.address)
    }
}

/// A range of a card's memory. Clones and parts share it, and the last of them frees it.
#[derive(Clone)]
pub struct Buffer {
    allocation: Arc<Allocation>,
    address: u64,
    bytes: usize,
}

struct Allocation {
    context: Arc<Context>,
    address: u64,
    bytes: usize,
}

impl Drop for Allocation {
    fn drop(&mut self) {
        let _ = self.context.bind();
        let _ = call!(cuMemFree_v2(self.address));
        self.context.held.fetch_sub(self.bytes as u64, Ordering::Relaxed);
    }
}

impl Buffer {
    /// # Errors
    /// When the card has not so much left.
    pub fn new(context: &Arc<Context>, bytes: usize) -> Result<Self> {
        context.bind()?;
        let mut address = 0;
        let allocated = call!(cuMemAlloc_v2(&raw mut address, bytes.max(1)));
        allocated.map_err(|error| match error {
            Error::OutOfMemory { free, .. } => Error::OutOfMemory { needed: Some(bytes as u64), free },
            error => error,
        })?;
        context.held.fetch_add(bytes as u64, Ordering::Relaxed);
        let allocation = Arc::new(Allocation { context: Arc::clone(context), address, bytes });
        Ok(Self { allocation, address, bytes })
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn ptr<T>(&self) -> Ptr<T> {
        Ptr::new(self.address)
    }

    /// A range of it.
    ///
    /// # Panics
    /// When it does not lie within.
    #[must_use]
    pub fn part(&self, offset: usize, bytes: usize) -> Self {
        assert!(offset + bytes <= self.bytes, "{bytes} bytes at {offset} of {}", self.bytes);
        Self { allocation: Arc::clone(&self.allocation), address: self.address + offset as u64, bytes }
    }

    /// Sets every byte, in the order of the launches.
    ///
    /// # Errors
    /// When the card stopped working.
    pub fn fill(&self, byte: u8) -> Result<()> {
        let context = self.context();
        context.bind()?;
        call!(cuMemsetD8Async(self.address, byte, self.bytes, context.compute()))
    }

    /// Copies values to byte `offset` and waits for it.
    ///
    /// # Errors
    /// When the card stopped working.
    ///
    /// # Panics
    /// When they do not fit.
    pub fn write<T: Pod>(&self, offset: usize, values: &[T]) -> Result<()> {
        let bytes = size_of_val(values);
        assert!(offset + bytes <= self.bytes, "{bytes} bytes at {offset} of {}", self.bytes);
        let context = self.context();
        context.bind()?;
        let to = self.address + offset as u64;
        call!(cuMemcpyHtoDAsync_v2(to, values.as_ptr().cast(), bytes, context.compute()))?;
        context.synchronize()
    }

    /// Waits for what was launched and copies `count` values from byte `offset`.
    ///
    /// # Errors
    /// When the card stopped working.
    ///
    /// # Panics
    /// When they do not lie within.
    pub fn read<T: Pod>(&self, offset: usize, count: usize) -> Result<Vec<T>> {
        let mut values = vec![T::zeroed(); count];
        let bytes = size_of_val(values.as_slice());
        assert!(offset + bytes <= self.bytes, "{bytes} bytes at {offset} of {}", self.bytes);
        let context = self.context();
        context.bind()?;
        let from = self.address + offset as u64;
        call!(cuMemcpyDtoHAsync_v2(values.as_mut_ptr().cast(), from, bytes, context.compute()))?;
        context.synchronize()?;
        Ok(values)
    }

    pub(crate) fn context(&self) -> &Arc<Context> {
        &self.allocation.context
    }
}

/// One allocation given out from front to back. Values that are not needed at the same time share their place:
/// a caller goes back to a mark when those after it are done with.
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
        Ok(Self { base: buffer.address, buffer: Some(buffer), bytes, at: 0, most: 0 })
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

/// Memory of the host that the card reads and writes by itself. A copy is enqueued and happens later: the host
/// must leave its bytes alone until then.
pub struct Pinned {
    context: Arc<Context>,
    address: *mut c_void,
    bytes: usize,
}

// SAFETY: plain memory, freed by any thread.
unsafe impl Send for Pinned {}
// SAFETY: shared references only read.
unsafe impl Sync for Pinned {}

impl Pinned {
    /// # Errors
    /// When the host has not so much left to pin.
    pub fn new(context: &Arc<Context>, bytes: usize) -> Result<Self> {
        context.bind()?;
        let mut address = ptr::null_mut();
        call!(cuMemHostAlloc(&raw mut address, bytes.max(1), sys::CU_MEMHOSTALLOC_PORTABLE))?;
        // SAFETY: just allocated, of that size.
        unsafe { address.cast::<u8>().write_bytes(0, bytes) };
        Ok(Self { context: Arc::clone(context), address, bytes })
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// `count` values from byte `offset` on.
    ///
    /// # Panics
    /// When they do not lie within, or not at a multiple of their size.
    pub fn slice<T: Pod>(&self, offset: usize, count: usize) -> &[T] {
        self.check::<T>(offset, count);
        // SAFETY: within the allocation and aligned, and any bits are a value of `T`.
        unsafe { std::slice::from_raw_parts(self.address.byte_add(offset).cast(), count) }
    }

    /// # Panics
    /// As `slice`.
    pub fn slice_mut<T: Pod>(&mut self, offset: usize, count: usize) -> &mut [T] {
        self.check::<T>(offset, count);
        // SAFETY: as `slice`, and nobody else has it.
        unsafe { std::slice::from_raw_parts_mut(self.address.byte_add(offset).cast(), count) }
    }

    fn check<T>(&self, offset: usize, count: usize) {
        let inside = count.checked_mul(size_of::<T>()).and_then(|bytes| bytes.checked_add(offset));
        assert!(
            inside.is_some_and(|end| end <= self.bytes) && offset.is_multiple_of(align_of::<T>()),
            "{count} values at {offset} of {} bytes",
            self.bytes
        );
    }

    /// Enqueues a copy of its bytes `offset..offset + bytes` to the card.
    ///
    /// # Errors
    /// When the card stopped working.
    ///
    /// # Panics
    /// When they do not lie within.
    pub fn upload(&self, offset: usize, bytes: usize, to: Ptr<u8>) -> Result<()> {
        self.upload_in(offset, bytes, to, self.context.compute())
    }

    pub(crate) fn upload_in(
        &self,
        offset: usize,
        bytes: usize,
        to: Ptr<u8>,
        stream: sys::CUstream,
    ) -> Result<()> {
        self.check::<u8>(offset, bytes);
        self.context.bind()?;
        call!(cuMemcpyHtoDAsync_v2(to.address, self.address.wrapping_byte_add(offset), bytes, stream))
    }

    /// Enqueues a copy from the card to its bytes `offset..offset + bytes`; wait for an event behind it before
    /// they are read.
    ///
    /// # Errors
    /// When the card stopped working.
    ///
    /// # Panics
    /// When they do not lie within.
    pub fn download(&mut self, from: Ptr<u8>, bytes: usize, offset: usize) -> Result<()> {
        self.check::<u8>(offset, bytes);
        self.context.bind()?;
        let (to, stream) = (self.address.wrapping_byte_add(offset), self.context.compute());
        call!(cuMemcpyDtoHAsync_v2(to, from.address, bytes, stream))
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        let _ = self.context.bind();
        // A copy that still runs would write into memory of somebody else.
        for stream in [self.context.compute(), self.context.copy()] {
            let _ = call!(cuStreamSynchronize(stream));
        }
        let _ = call!(cuMemFreeHost(self.address));
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
