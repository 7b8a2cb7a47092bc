//! Activations [rows, width] in the card's memory: a block of the pool, or a buffer whose address stays.
//! Knows no layers.
use std::sync::Arc;

use candle_core::{Error, Result};
use cuda::{Buffer, Ptr, Slot};

use crate::card_memory::CardMemory;

/// f32 values, row-major. The memory goes back to the pool with the last clone.
#[derive(Clone)]
pub struct Rows {
    memory: Memory,
    /// Values before the first row.
    offset: usize,
    pub rows: usize,
    pub width: usize,
}

#[derive(Clone)]
enum Memory {
    Pooled(Arc<Slot>),
    Fixed(Buffer),
}

impl Rows {
    pub(super) fn take(memory: &CardMemory, rows: usize, width: usize) -> Result<Self> {
        let slot = memory.pool().take(rows * width * 4).map_err(Error::wrap)?;
        Ok(Self { memory: Memory::Pooled(Arc::new(slot)), offset: 0, rows, width })
    }

    /// Rows at an address that stays the same from pass to pass.
    pub(super) fn fixed(buffer: &Buffer, rows: usize, width: usize) -> Self {
        Self { memory: Memory::Fixed(buffer.clone()), offset: 0, rows, width }
    }

    /// `rows` rows from `first` on.
    pub(super) fn part(&self, first: usize, rows: usize) -> Self {
        Self { offset: self.offset + first * self.width, rows, ..self.clone() }
    }

    pub(super) fn ptr(&self) -> Ptr<f32> {
        self.buffer().ptr::<f32>().offset(self.offset)
    }

    /// The address of row `row`.
    pub(super) fn row(&self, row: usize) -> Ptr<f32> {
        self.ptr().offset(row * self.width)
    }

    pub(super) fn write(&self, row: usize, values: &[f32]) -> Result<()> {
        self.buffer().write((self.offset + row * self.width) * 4, values).map_err(Error::wrap)
    }

    pub(crate) fn read(&self) -> Result<Vec<f32>> {
        self.buffer().read(self.offset * 4, self.rows * self.width).map_err(Error::wrap)
    }

    fn buffer(&self) -> &Buffer {
        match &self.memory {
            Memory::Pooled(slot) => slot.buffer(),
            Memory::Fixed(buffer) => buffer,
        }
    }
}
