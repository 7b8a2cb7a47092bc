//! The state of an online softmax, and the interface between the forms of attention that fill it: query rows,
//! and keys and values by position. Knows no cache and no instruction set.
use crate::Cancellation;
use crate::cache::PAGE_TOKENS;
use crate::pool;

/// Keys that are expanded or packed at once.
pub const RANGE: usize = 8 * PAGE_TOKENS;

/// The layout of a row with a key and a value.
#[derive(Clone, Copy)]
pub struct KvRowLayout {
    pub stride: usize,
    /// Length of the key, which starts the row.
    pub key: usize,
    pub value_offset: usize,
    pub value: usize,
}

/// Keys and values by position.
pub trait KeyValueSource: Sync {
    fn row_layout(&self) -> KvRowLayout;
    /// Whether bf16 represents all values exactly.
    fn is_bf16(&self) -> bool;
    /// Writes the rows [tokens, stride] of one key head. The positions must be in one page.
    fn load(&self, key_head: usize, first: usize, tokens: usize, out: &mut [f32]);
}

/// Query rows of all key heads.
pub struct Queries<'a, V> {
    /// [key heads, rows, key]
    pub q: &'a [f32],
    /// Rows of one key head.
    pub rows: usize,
    /// The causal length of a row: it attends to the positions `0..kv_len(row)`.
    pub kv_len: V,
    pub scale: f32,
    pub cancellation: &'a Cancellation<'a>,
    #[cfg(target_arch = "x86_64")]
    pub packed: Option<crate::gemm::amx::PackedMatrix>,
}

/// The state per row: [largest score, sum of exponentials, weighted values..].
pub struct Accumulator {
    pub cells: Vec<f32>,
    pub value: usize,
}

impl Accumulator {
    pub fn new(rows: usize, value: usize) -> Self {
        let mut cells = vec![0.0; rows * (value + 2)];
        cells.chunks_exact_mut(value + 2).for_each(|row| row[0] = f32::NEG_INFINITY);
        Self { cells, value }
    }

    /// [rows, value]
    pub fn finish(self) -> Vec<f32> {
        let (width, value) = (self.value + 2, self.value);
        let mut out = vec![0.0; self.cells.len() / width * value];
        pool::rows_mut(&mut out, value, |first, out| {
            let cells = self.cells[first * width..].chunks_exact(width);
            for (out, row) in out.chunks_exact_mut(value).zip(cells) {
                out.iter_mut().zip(&row[2..]).for_each(|(out, value)| *out = value / row[1]);
            }
        });
        out
    }
}
