//! What a model keeps on a card between passes besides weights and cache: the arrays that describe a pass,
//! what attention and routing write beside the activations, the graphs of its steps.
use std::sync::Arc;

use candle_core::{Error, Result};
use cuda::{Buffer, Event, Pinned, Ptr};
use parking_lot::Mutex;

use super::graph::GraphCache;
use super::output::Results;
use crate::card_memory::CardMemory;
use crate::rope::Rope;

/// Rows of one pass.
pub const MAX_ROWS: usize = 4096;
/// Pages that the sequences of a pass have together.
const MAX_PAGES: usize = 1 << 20;
/// Blocks of attention that join their splits in one launch.
const TICKETS: usize = 1 << 16;
/// Elements of a row of sines, and values of activations that come from the host for a step.
const MAX_HALF: usize = 256;
const MAX_GIVEN: usize = 1 << 18;
/// Bytes of the routing log of one pass.
const LOG_BYTES: usize = 32 << 20;

pub struct CardState {
    pub memory: Arc<CardMemory>,
    /// One pass at a time uses it.
    pub scratch: Mutex<Scratch>,
}

pub struct Scratch {
    pub arrays: Buffer,
    pub staging: Pinned,
    /// The last copy out of `staging`.
    pub copied: Event,
    /// Zero between launches: the kernels reset them.
    pub tickets: Buffer,
    pub log: Buffer,
    pub results: Results,
    /// Radians per position, [half] f64.
    inv_freq: Buffer,
    pub cos: Buffer,
    pub sin: Buffer,
    /// Activations of a step that come from the host.
    pub given: Buffer,
    pub graphs: GraphCache,
}

impl CardState {
    /// # Errors
    /// When the card has too little memory.
    pub fn new(memory: &Arc<CardMemory>, rope: &Rope) -> Result<Self> {
        let card = memory.card();
        let array_bytes = 4 * (4 * MAX_ROWS + MAX_PAGES);
        let buffer = |bytes| Buffer::new(card, bytes).map_err(Error::wrap);
        let pinned = |bytes| Pinned::new(card, bytes).map_err(Error::wrap);
        let tickets = buffer(4 * TICKETS)?;
        tickets.fill(0).map_err(Error::wrap)?;
        let scratch = Scratch {
            arrays: buffer(array_bytes)?,
            staging: pinned(array_bytes)?,
            copied: Event::new(card).map_err(Error::wrap)?,
            tickets,
            log: buffer(LOG_BYTES)?,
            results: Results::new(card.clone()),
            inv_freq: memory.upload(&rope.inv_freq)?,
            cos: buffer(4 * MAX_ROWS * MAX_HALF)?,
            sin: buffer(4 * MAX_ROWS * MAX_HALF)?,
            given: buffer(4 * MAX_GIVEN)?,
            graphs: GraphCache::default(),
        };
        Ok(Self { memory: memory.clone(), scratch: Mutex::new(scratch) })
    }
}

impl Scratch {
    pub fn inv_freq(&self) -> Ptr<f64> {
        self.inv_freq.ptr()
    }
}
