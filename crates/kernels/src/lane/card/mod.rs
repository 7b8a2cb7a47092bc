//! The operations of a lane on a graphics card. Each enqueues kernels and returns at once; only
//! `download`, `head` and `take_routing` wait. See docs/design/cuda.md.
mod attention;
mod graph;
mod linear;
mod mixture;
mod output;
mod rows;
mod state;

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::Ordering;

use candle_core::{Error, Result, bail};
use cuda::ops::rope::RopeTable;
use cuda::{Event, Ptr};

use super::Sequence;
use crate::cache::{KvPages, PAGE_TOKENS};
use crate::card_memory::CardMemory;
use crate::rope::Rope;

pub(super) use graph::Plan;
pub(super) use output::CardHead;
pub use rows::Rows;
pub use state::CardState;
use state::{MAX_ROWS, Scratch};

/// Layers whose kernels may be queued before the host waits, so that a cancelled prefill ends soon.
const MAX_QUEUED_LAYERS: usize = 4;
/// A prefill of fewer rows uses the kernels of decoding.
const MIN_PREFILL_ROWS: usize = 16;
/// With fewer rows a pass ends within milliseconds and is never waited for.
const THROTTLED_ROWS: usize = 64;

/// One pass on a card.
pub struct CardLane<'a> {
    memory: &'a CardMemory,
    scratch: parking_lot::MutexGuard<'a, Scratch>,
    sequences: &'a [Sequence<'a>],
    /// Rows of the batch.
    rows: usize,
    /// The most keys that any decode row may have: a bucket, so that graphs can be replayed.
    max_keys: usize,
    arrays: Arrays,
    /// [rows, half] each.
    cos: Rows,
    sin: Rows,
    half: usize,
    style: cuda::ops::rope::Pairs,
    rotary_scale: f64,
    /// Layers that chose experts so far, with the experts per row.
    logged: Vec<(usize, usize)>,
    /// The log, when it was read with the output.
    log: Option<Vec<u32>>,
    queued: VecDeque<Event>,
}

/// The arrays of a pass on the card.
#[derive(Clone, Copy)]
struct Arrays {
    tokens: Ptr<u32>,
    positions: Ptr<i32>,
    slots: Ptr<i32>,
    tables: Ptr<i32>,
    /// At which logits are sampled; 0 where whole rows are asked for.
    temperatures: Ptr<f32>,
    pages: Ptr<u32>,
}

impl<'a> CardLane<'a> {
    pub fn new(
        state: &'a CardState,
        rope: &Rope,
        sequences: &'a [Sequence<'a>],
        kv: &KvPages,
    ) -> Result<Self> {
        let rows: usize = sequences.iter().map(|s| s.tokens.len()).sum();
        if rows > MAX_ROWS {
            bail!("{rows} rows: a pass on the card has at most {MAX_ROWS}");
        }
        kv.on_card()?;
        let scratch = state.scratch.lock();
        let half = rope.inv_freq.len();
        if rows * half * 4 > scratch.cos.bytes() {
            bail!("{half} rotated pairs of {rows} rows: a pass on the card has fewer");
        }
        let cos = Rows::fixed(&scratch.cos, rows, half);
        let sin = Rows::fixed(&scratch.sin, rows, half);
        let arrays = Arrays::at(scratch.arrays.ptr(), rows);
        let style = match rope.style {
            crate::rope::RopeStyle::Interleaved => cuda::ops::rope::Pairs::Interleaved,
            crate::rope::RopeStyle::Neox => cuda::ops::rope::Pairs::Neox,
        };
        let max_keys = bucket(sequences.iter().map(|s| s.past + s.tokens.len()).max().unwrap_or(1));
        let mut lane = Self {
            memory: &state.memory,
            scratch,
            sequences,
            rows,
            max_keys,
            arrays,
            cos,
            sin,
            half,
            style,
            rotary_scale: rope.scale,
            logged: Vec::new(),
            log: None,
            queued: VecDeque::new(),
        };
        lane.scratch.passes.fetch_add(1, Ordering::Relaxed);
        lane.stage()?;
        Ok(lane)
    }

    /// Whether the most likely tokens are all that is asked for.
    fn finds_top(&self) -> bool {
        self.rows <= graph::MAX_GRAPH_ROWS && self.sequences.iter().all(|s| s.top.is_some())
    }

    /// The sines and cosines of this pass.
    fn rotary(&self) -> Result<()> {
        let table = RopeTable {
            positions: self.arrays.positions,
            inv_freq: self.scratch.inv_freq(),
            cos: self.cos.ptr(),
            sin: self.sin.ptr(),
            scale: self.rotary_scale,
            rows: self.rows as u32,
            half: self.half as u32,
        };
        self.check(table.launch(self.memory.card()))
    }

    pub fn card(&self) -> &'a std::sync::Arc<cuda::Card> {
        self.memory.card()
    }

    /// Copies the arrays of this pass to the card.
    fn stage(&mut self) -> Result<()> {
        let rows = self.rows;
        let scratch = &mut *self.scratch;
        // The copy of the pass before may still be queued.
        scratch.copied.wait().map_err(Error::wrap)?;
        let mut words: Vec<u32> = Vec::with_capacity(5 * rows);
        words.extend(self.sequences.iter().flat_map(|s| s.tokens));
        let positions = |s: &Sequence<'a>| s.past..s.past + s.tokens.len();
        words.extend(self.sequences.iter().flat_map(|s| positions(s).map(|p| p as u32)));
        words.extend(self.sequences.iter().flat_map(|s| {
            let pages = s.pages;
            let slot = move |p: usize| pages[p / PAGE_TOKENS] * PAGE_TOKENS as u32 + (p % PAGE_TOKENS) as u32;
            positions(s).map(slot)
        }));
        let mut offset = 0;
        for sequence in self.sequences {
            words.extend(std::iter::repeat_n(offset, sequence.tokens.len()));
            offset += used_pages(sequence).len() as u32;
        }
        words.extend(self.sequences.iter().flat_map(|s| {
            let temperature = s.top.unwrap_or_default().to_bits();
            std::iter::repeat_n(temperature, s.tokens.len())
        }));
        words.extend(self.sequences.iter().flat_map(used_pages));
        let bytes = words.len() * 4;
        if bytes > scratch.staging.bytes() {
            bail!("{} pages: a pass on the card has too many", words.len() - 5 * rows);
        }
        scratch.staging.slice_mut(0, words.len()).copy_from_slice(&words);
        scratch.staging.upload(0, bytes, scratch.arrays.ptr()).map_err(Error::wrap)?;
        scratch.copied.record().map_err(Error::wrap)
    }

    /// The rows of the batch in ranges, each with whether it is a prefill that the tensor cores compute.
    fn ranges(&self) -> Vec<(Range<usize>, bool)> {
        let mut ranges: Vec<(Range<usize>, bool)> = Vec::new();
        let mut next = 0;
        for sequence in self.sequences {
            let range = next..next + sequence.tokens.len();
            next = range.end;
            let own = is_prefill(sequence);
            match ranges.last_mut() {
                Some((last, prefill)) if *prefill == own => last.end = range.end,
                _ => ranges.push((range, own)),
            }
        }
        ranges
    }

    fn check<T>(&self, result: cuda::Result<T>) -> Result<T> {
        result.map_err(Error::wrap)
    }

    /// Waits until few layers are queued, when they have many rows.
    fn throttle(&mut self) -> Result<()> {
        if self.rows < THROTTLED_ROWS {
            return Ok(());
        }
        let event = self.check(Event::new(self.memory.card()))?;
        self.check(event.record())?;
        self.queued.push_back(event);
        if self.queued.len() > MAX_QUEUED_LAYERS {
            let oldest = self.queued.pop_front().expect("there are several");
            self.check(oldest.wait())?;
        }
        Ok(())
    }
}

impl Arrays {
    fn at(start: Ptr<u32>, rows: usize) -> Self {
        Self {
            tokens: start,
            positions: start.offset(rows).cast(),
            slots: start.offset(2 * rows).cast(),
            tables: start.offset(3 * rows).cast(),
            temperatures: start.offset(4 * rows).cast(),
            pages: start.offset(5 * rows),
        }
    }
}

/// Whether the sequence's rows are computed on tensor cores.
fn is_prefill(sequence: &Sequence) -> bool {
    sequence.prefill && sequence.tokens.len() >= MIN_PREFILL_ROWS
}

/// The pages that hold the sequence's past and its new tokens.
fn used_pages<'a>(sequence: &Sequence<'a>) -> &'a [u32] {
    let needed = (sequence.past + sequence.tokens.len()).div_ceil(PAGE_TOKENS);
    &sequence.pages[..needed.min(sequence.pages.len())]
}

/// The bucket of a number of keys: each is four times the one before.
fn bucket(keys: usize) -> usize {
    let mut bucket = 512;
    while bucket < keys {
        bucket *= 4;
    }
    bucket
}
