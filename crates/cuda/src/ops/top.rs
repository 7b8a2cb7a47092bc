//! The most likely tokens of rows of logits: `kernels/top.cu`.
//! Samples nothing: what is found goes to the host.
use super::blocks;
use crate::{Card, Launch, Params, Ptr, Result};

/// Logits that a block looks at, the most blocks of a row, and the most tokens that are found.
const SPAN: usize = 4096;
const SPANS: usize = 64;
const ROOM: usize = 4096;
/// Words of what is found in a row, and of its keys.
pub const RECORD: usize = 2 + SPANS + 2 * ROOM;
pub const KEYS: usize = SPANS;

/// The tokens of each row within `depth` nats of the largest logit, at a temperature.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Top {
    /// [rows, stride]
    pub logits: Ptr<f32>,
    /// [rows]; 0 finds the largest alone.
    pub temperatures: Ptr<f32>,
    /// [rows, KEYS]
    pub keys: Ptr<u32>,
    /// [rows, RECORD]
    pub found: Ptr<u32>,
    pub vocab: u32,
    pub stride: u32,
    pub depth: f32,
    pub pad: u32,
}

// SAFETY: mirrors `top_params`.
unsafe impl Params for Top {
    const KERNEL: &'static str = "top";
}

impl Top {
    /// Whether rows of so many logits can be searched.
    pub fn takes(vocab: usize) -> bool {
        vocab <= SPAN * SPANS
    }

    /// # Errors
    /// When the card fails.
    pub fn launch(&self, card: &Card, rows: usize) -> Result<()> {
        let grid = [blocks(self.vocab as usize, SPAN), rows as u32, 1];
        let launch = Launch { grid, block: 256, shared: 0 };
        card.launch_as("top_max", launch, self)?;
        card.launch_as("top_select", launch, self)
    }
}

/// The most likely tokens of a row.
#[derive(Debug, Clone, PartialEq)]
pub struct TopRow {
    /// Ids with their logits, ids ascending.
    pub tokens: Vec<(u32, f32)>,
    /// The sum of exp((logit - largest) / temperature) over the row.
    pub sum: f64,
}

impl TopRow {
    /// Reads a record. `None` when more tokens are in reach than there is room for, or there is a NaN.
    ///
    /// # Panics
    /// When it has not RECORD words.
    pub fn read(record: &[u32], vocab: usize) -> Option<Self> {
        assert_eq!(record.len(), RECORD, "words of a record");
        let count = record[0] as usize;
        if count == 0 || count > ROOM {
            return None;
        }
        let (sums, tokens) = record[2..].split_at(SPANS);
        let sums = &sums[..vocab.div_ceil(SPAN)];
        let mut tokens: Vec<(u32, f32)> = tokens.as_chunks::<2>().0[..count]
            .iter()
            .map(|[id, bits]| (*id, f32::from_bits(*bits)))
            .collect();
        tokens.sort_unstable_by_key(|(id, _)| *id);
        Some(Self { tokens, sum: sums.iter().map(|bits| f64::from(f32::from_bits(*bits))).sum() })
    }
}
