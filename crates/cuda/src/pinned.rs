//! Pinned memory of the host, and the copies between it and a card. They only enqueue, in the order of the
//! launches, and may be captured.
use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use bytemuck::Pod;
use cudarc::driver::sys;

use crate::context::Context;
use crate::driver::call;
use crate::error::Result;
use crate::memory::Ptr;

/// Memory of the host that the card reads and writes by itself. A copy is enqueued and happens later: the
/// host must leave its bytes alone until then.
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
        call!(cuMemcpyHtoDAsync_v2(to.address(), self.address.wrapping_byte_add(offset), bytes, stream))
    }

    /// Enqueues a copy from the card to its bytes `offset..offset + bytes`; wait for an event behind it
    /// before they are read.
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
        call!(cuMemcpyDtoHAsync_v2(to, from.address(), bytes, stream))
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
