//! Memory of a card: addresses, and ranges that are freed when the last of their owners goes. `read` and
//! `write` wait for the card and are for loading and tests; what is copied in a pass goes by way of `Pinned`.
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytemuck::Pod;

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
    /// What the driver sets aside for it.
    held: u64,
}

/// The driver gives out large ranges in pages of this size.
const PAGE: usize = 2 << 20;

/// What the driver sets aside for a range: whole pages for a large one, a part of a shared page for others.
fn set_aside(bytes: usize) -> u64 {
    bytes.next_multiple_of(if bytes < PAGE { 512 } else { PAGE }) as u64
}

impl Drop for Allocation {
    fn drop(&mut self) {
        let _ = self.context.bind();
        let _ = call!(cuMemFree_v2(self.address));
        self.context.held.fetch_sub(self.held, Ordering::Relaxed);
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
        let held = set_aside(bytes);
        context.held.fetch_add(held, Ordering::Relaxed);
        let allocation = Arc::new(Allocation { context: Arc::clone(context), address, held });
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

    /// Copies all of `from` to byte `offset`, in the order of the launches.
    ///
    /// # Errors
    /// When the card stopped working.
    ///
    /// # Panics
    /// When it does not fit.
    pub fn copy_from(&self, offset: usize, from: &Buffer) -> Result<()> {
        let bytes = from.bytes;
        assert!(offset + bytes <= self.bytes, "{bytes} bytes at {offset} of {}", self.bytes);
        let context = self.context();
        context.bind()?;
        call!(cuMemcpyDtoDAsync_v2(self.address + offset as u64, from.address, bytes, context.compute()))
    }

    pub(crate) fn context(&self) -> &Arc<Context> {
        &self.allocation.context
    }
}
