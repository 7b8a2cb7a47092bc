//! A card with the way of weights to it. Opening one takes some tenths of a second; it is shared after that.
//! `Context` has what concerns its work, this has what concerns loading.
use std::ops::Deref;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::context::Context;
use crate::driver::call;
use crate::error::Result;
use crate::memory::Buffer;
use crate::slabs::Slabs;
use crate::staging::{Fill, Staging};

/// An opened card.
pub struct Card {
    context: Arc<Context>,
    slabs: Mutex<Slabs>,
    staging: Mutex<Option<Arc<Staging>>>,
}

impl Deref for Card {
    type Target = Arc<Context>;

    fn deref(&self) -> &Arc<Context> {
        &self.context
    }
}

impl Card {
    /// Opens a card of `places`.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn open(index: u32) -> Result<Arc<Self>> {
        let context = Arc::new(Context::open(index)?);
        Ok(Arc::new(Self { context, slabs: Mutex::default(), staging: Mutex::default() }))
    }

    /// Waits until everything that was uploaded is there, and gives back the pinned memory.
    ///
    /// # Errors
    /// When the card stopped working.
    pub fn finish_uploads(&self) -> Result<()> {
        self.bind()?;
        let copied = call!(cuStreamSynchronize(self.copy()));
        *self.staging.lock() = None;
        *self.slabs.lock() = Slabs::default();
        copied
    }

    /// Room for weights.
    pub(crate) fn slab(&self, bytes: usize) -> Result<Buffer> {
        self.slabs.lock().take(&self.context, bytes)
    }

    /// Fills a range by way of pinned memory.
    pub(crate) fn stage(&self, to: &Buffer, row_bytes: usize, fill: Fill<'_>) -> Result<()> {
        let staging = {
            let mut staging = self.staging.lock();
            match &*staging {
                Some(staging) => Arc::clone(staging),
                None => Arc::clone(staging.insert(Arc::new(Staging::new(&self.context)?))),
            }
        };
        staging.put(to, row_bytes, fill)
    }
}
