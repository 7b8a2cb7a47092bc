//! A graphics card as weights, caches and lanes share it: the card itself, and a pool for activations.
//! One model has one.
use std::sync::Arc;

use candle_core::{Error, Result};
use cuda::{Buffer, Card, Pod, Pool};

pub struct CardMemory {
    card: Arc<Card>,
    pool: Arc<Pool>,
}

impl CardMemory {
    /// # Errors
    /// When the card cannot be opened.
    pub fn open(index: u32) -> std::result::Result<Self, cuda::Error> {
        let card = Card::open(index)?;
        Ok(Self { pool: Pool::new(card.clone()), card })
    }

    pub fn card(&self) -> &Arc<Card> {
        &self.card
    }

    /// Memory of activations.
    pub fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// Values in the card's memory.
    ///
    /// # Errors
    /// When the card has too little memory.
    pub(crate) fn upload<T: Pod>(&self, values: &[T]) -> Result<Buffer> {
        let buffer = Buffer::new(&self.card, std::mem::size_of_val(values).max(1)).map_err(Error::wrap)?;
        buffer.write(0, values).map_err(Error::wrap)?;
        Ok(buffer)
    }
}
