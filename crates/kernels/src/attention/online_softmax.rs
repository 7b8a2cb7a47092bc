//! Softmax-weighted sums over keys that come a tile at a time: each row of queries keeps its largest score so far, the
//! sum of its powers and its weighted values. Keys are cut into ranges at fixed positions, each range starts from
//! nothing, and ranges are joined in order: the threads change who computes, never what comes out.
use rayon::prelude::*;

use super::Context;
use crate::Cancellation;
use crate::cache::PAGE_TOKENS;
use crate::dot::{add_rows, dot_tile, dots};

/// Keys of one range.
pub const RANGE: usize = 8 * PAGE_TOKENS;
/// Rows that read a tile together while it is in the processor's cache.
const ROWS: usize = 32;
/// Rows whose scores are made in one pass over the keys.
const TOGETHER: usize = 4;
/// Ranges of one group of rows that are in memory at once.
const WAVE: usize = 16;

/// Where key and value lie in a row that a source gives.
#[derive(Clone, Copy)]
pub struct RowShape {
    pub stride: usize,
    /// Numbers of a key, from the start of the row.
    pub key: usize,
    pub value_at: usize,
    pub value: usize,
}

/// Something that has keys and values by position.
pub trait Source: Sync {
    fn row_shape(&self) -> RowShape;
    /// Whether bf16 holds its numbers.
    fn is_bf16(&self) -> bool;
    /// Writes the rows [tokens, stride] of one key head, of positions that lie in one page.
    fn load(&self, key_head: usize, first: usize, tokens: usize, out: &mut [f32]);
}

/// Query rows of all key heads.
pub struct Queries<'a, V> {
    /// [key heads, rows, key]
    q: &'a [f32],
    /// Rows of one key head.
    pub rows: usize,
    /// How many positions, from 0, a row sees.
    pub visible: V,
    pub scale: f32,
    pub cancellation: &'a Cancellation<'a>,
    #[cfg(target_arch = "x86_64")]
    packed: Option<crate::gemm::amx::Packed>,
}

impl<'a, V> Queries<'a, V> {
    /// `q` [key heads, rows, key]; packed for tiles when `context` says that they are a prompt's.
    pub fn new(q: &'a [f32], [rows, key]: [usize; 2], visible: V, scale: f32, context: &'a Context) -> Self {
        #[cfg(target_arch = "x86_64")]
        let packed = context.is_tiled().then(|| super::prefill_tiled::pack_queries(q, rows, key));
        let _ = key;
        Self {
            q,
            rows,
            visible,
            scale,
            cancellation: context.cancellation,
            #[cfg(target_arch = "x86_64")]
            packed,
        }
    }
}

/// For each row [largest score, sum of powers, weighted values..].
pub struct Sums {
    pub(super) cells: Vec<f32>,
    value: usize,
}

impl Sums {
    pub fn new(rows: usize, value: usize) -> Self {
        let mut cells = vec![0.0; rows * (value + 2)];
        cells.chunks_exact_mut(value + 2).for_each(|row| row[0] = f32::NEG_INFINITY);
        Self { cells, value }
    }

    /// [rows, value]
    pub fn finish(self) -> Vec<f32> {
        let rows = self.cells.chunks_exact(self.value + 2);
        rows.flat_map(|row| row[2..].iter().map(|value| value / row[1])).collect()
    }

    /// Takes in the keys `from..to` of `source`.
    pub fn attend<S, V>(&mut self, source: &S, queries: &Queries<V>, from: usize, to: usize)
    where
        S: Source,
        V: Fn(usize) -> usize + Sync,
    {
        #[cfg(target_arch = "x86_64")]
        if let Some(packed) = &queries.packed {
            return match source.is_bf16() {
                true => super::prefill_tiled::attend::<1, _, _>(self, source, queries, packed, from, to),
                false => super::prefill_tiled::attend::<3, _, _>(self, source, queries, packed, from, to),
            };
        }
        let (width, key) = (self.value + 2, source.row_shape().key);
        let heads = self.cells.par_chunks_mut(queries.rows * width).enumerate();
        heads.for_each(|(head, cells)| {
            cells.par_chunks_mut(ROWS * width).enumerate().for_each(|(group, cells)| {
                let first = group * ROWS;
                let count = cells.len() / width;
                let q = &queries.q[(head * queries.rows + first) * key..][..count * key];
                let visible: Vec<usize> = (first..first + count).map(&queries.visible).collect();
                let end = visible.iter().copied().max().unwrap_or(0).min(to);
                let part = Part {
                    source,
                    head,
                    q,
                    visible: &visible,
                    scale: queries.scale,
                    cancellation: queries.cancellation,
                };
                let starts: Vec<usize> = (from..end).step_by(RANGE).collect();
                for wave in starts.chunks(WAVE) {
                    let ranges = wave.par_iter().map(|&start| part.range(start, end.min(start + RANGE)));
                    for sums in ranges.collect::<Vec<_>>() {
                        join(cells, &sums.cells, width);
                    }
                }
            });
        });
    }
}

fn join(cells: &mut [f32], more: &[f32], width: usize) {
    for (row, more) in cells.chunks_exact_mut(width).zip(more.chunks_exact(width)) {
        if more[1] == 0.0 {
            continue;
        }
        let largest = row[0].max(more[0]);
        let (old, new) = ((row[0] - largest).exp(), (more[0] - largest).exp());
        row[0] = largest;
        row[1..].iter_mut().zip(&more[1..]).for_each(|(a, b)| *a = *a * old + b * new);
    }
}

/// Some rows of one key head.
struct Part<'a, S> {
    source: &'a S,
    head: usize,
    q: &'a [f32],
    visible: &'a [usize],
    scale: f32,
    cancellation: &'a Cancellation<'a>,
}

impl<S: Source> Part<'_, S> {
    fn range(&self, from: usize, to: usize) -> Sums {
        let shape = self.source.row_shape();
        let mut sums = Sums::new(self.visible.len(), shape.value);
        let mut tile = vec![0.0; PAGE_TOKENS * shape.stride];
        let mut first = from;
        while first < to && !self.cancellation.is_cancelled() {
            // Tiles end where pages end.
            let tokens = (PAGE_TOKENS - first % PAGE_TOKENS).min(to - first);
            self.source.load(self.head, first, tokens, &mut tile);
            self.tile(&shape, first, tokens, &tile, &mut sums.cells);
            first += tokens;
        }
        sums
    }

    fn tile(&self, shape: &RowShape, first: usize, tokens: usize, tile: &[f32], cells: &mut [f32]) {
        let width = shape.value + 2;
        let mut scores = [[0.0f32; PAGE_TOKENS]; TOGETHER];
        for (block, cells) in cells.chunks_mut(TOGETHER * width).enumerate() {
            let start = block * TOGETHER;
            let count = cells.len() / width;
            let seen = |row: usize| self.visible[start + row].saturating_sub(first).min(tokens);
            let most = (0..count).map(seen).max().unwrap_or(0);
            // A block that is not full repeats its last row, and drops what that gives.
            let rows: [&[f32]; TOGETHER] =
                std::array::from_fn(|row| &self.q[(start + row.min(count - 1)) * shape.key..][..shape.key]);
            let mut put = |token: usize, products: [f32; TOGETHER]| {
                for (scores, product) in scores.iter_mut().zip(products) {
                    scores[token] = product * self.scale;
                }
            };
            let key = |token: usize| &tile[token * shape.stride..][..shape.key];
            let whole = most / TOGETHER * TOGETHER;
            for token in (0..whole).step_by(TOGETHER) {
                let keys: [&[f32]; TOGETHER] = std::array::from_fn(|index| key(token + index));
                dot_tile(keys, rows).into_iter().enumerate().for_each(|(index, p)| put(token + index, p));
            }
            for token in whole..most {
                put(token, dots(key(token), rows));
            }
            for (row, cells) in cells.chunks_exact_mut(width).enumerate() {
                add(cells, &mut scores[row][..seen(row)], &tile[shape.value_at..], shape.stride);
            }
        }
    }
}

/// Adds values, weighted by the powers of their scores, to one row.
fn add(row: &mut [f32], scores: &mut [f32], values: &[f32], stride: usize) {
    if scores.is_empty() {
        return;
    }
    let largest = scores.iter().copied().fold(row[0], f32::max);
    let shrink = (row[0] - largest).exp();
    if shrink != 1.0 {
        row[1..].iter_mut().for_each(|x| *x *= shrink);
    }
    row[0] = largest;
    for score in scores.iter_mut() {
        *score = (*score - largest).exp();
        row[1] += *score;
    }
    add_rows(&mut row[2..], scores, values, stride);
}
