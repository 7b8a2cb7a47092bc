//! Online softmax (Milakov and Gimelshein, arXiv 1805.02867) over tiles of keys: each query row keeps its
//! largest score, the sum of its exponentials and its weighted values. Keys are split into ranges at fixed
//! positions, each range starts from an empty accumulator, and ranges are merged in order, so the result does
//! not depend on the number of threads.
use std::cell::Cell;

use super::Context;
use super::accumulator::{Accumulator, KeyValueSource, KvRowLayout, Queries};
use crate::Cancellation;
use crate::activations::exp_sum;
use crate::cache::PAGE_TOKENS;
use crate::dot::{axpy_rows, dot_microkernel, dots};
use crate::pool;

/// Query rows that use a tile of keys while it is in the cache: as many in a prefill as there are, and fewer
/// for a decoded token, so that all threads have a part.
const GROUP_ROWS: [usize; 2] = [32, 8];
/// Query rows and keys per microkernel call.
const BLOCK: usize = 4;
/// Keys per range: a decoded token of a short conversation has ranges for several threads.
const SPLIT: usize = PAGE_TOKENS;
/// Ranges whose accumulators are in memory at once, when they are the tasks.
const RANGES_IN_FLIGHT: usize = 256;

impl<'a, V> Queries<'a, V> {
    /// `q` [key heads, rows, key]; packed for AMX when `context` is a prefill and the processor has it.
    pub fn new(q: &'a [f32], [rows, key]: [usize; 2], kv_len: V, scale: f32, context: &'a Context) -> Self {
        #[cfg(target_arch = "x86_64")]
        let packed = context.uses_amx().then(|| super::prefill_tiled::pack_queries(q, rows, key));
        let _ = key;
        Self {
            q,
            rows,
            kv_len,
            scale,
            cancellation: context.cancellation,
            #[cfg(target_arch = "x86_64")]
            packed,
        }
    }
}

impl Accumulator {
    /// Adds the keys and values `from..to` of `source`.
    pub fn attend<S, V>(&mut self, source: &S, queries: &Queries<V>, from: usize, to: usize)
    where
        S: KeyValueSource,
        V: Fn(usize) -> usize + Sync,
    {
        #[cfg(target_arch = "x86_64")]
        if let Some(packed) = &queries.packed {
            return match source.is_bf16() {
                true => super::prefill_tiled::attend::<1, _, _>(self, source, queries, packed, from, to),
                false => super::prefill_tiled::attend::<3, _, _>(self, source, queries, packed, from, to),
            };
        }
        let (width, key) = (self.value + 2, source.row_layout().key);
        let mut groups: Vec<Group<S>> = Vec::new();
        let heads = self.cells.len() / (queries.rows * width);
        let few = heads * queries.rows.div_ceil(GROUP_ROWS[0]) < pool::threads();
        let group_rows = GROUP_ROWS[usize::from(few)];
        for (head, cells) in self.cells.chunks_mut(queries.rows * width).enumerate() {
            for (group, cells) in cells.chunks_mut(group_rows * width).enumerate() {
                let first = group * group_rows;
                let count = cells.len() / width;
                let kv_len: Vec<usize> = (first..first + count).map(&queries.kv_len).collect();
                let end = kv_len.iter().copied().max().unwrap_or(0).min(to);
                let q = &queries.q[(head * queries.rows + first) * key..][..count * key];
                let (scale, cancellation) = (queries.scale, queries.cancellation);
                let block = QueryBlock { source, head, q, kv_len, scale, cancellation };
                groups.push(Group { block, cells, end });
            }
        }
        let range = |group: &Group<S>, start: usize| group.block.range(start, group.end.min(start + SPLIT));
        if groups.len() >= 2 * pool::threads() {
            pool::chunks_mut(&mut groups, 1, |_, group| {
                for start in (from..group[0].end).step_by(SPLIT) {
                    let part = range(&group[0], start);
                    merge(group[0].cells, &part.cells, width);
                }
            });
            return;
        }
        // A decoded token has few groups: its ranges are the tasks.
        let starts: Vec<(usize, usize)> = groups
            .iter()
            .enumerate()
            .flat_map(|(at, group)| (from..group.end).step_by(SPLIT).map(move |start| (at, start)))
            .collect();
        for starts in starts.chunks(RANGES_IN_FLIGHT) {
            let parts = pool::map(starts.len(), |at| range(&groups[starts[at].0], starts[at].1));
            for ((at, _), part) in starts.iter().zip(parts) {
                merge(groups[*at].cells, &part.cells, width);
            }
        }
    }
}

/// A group of query rows of one key head, their state, and the end of their keys.
struct Group<'a, S> {
    block: QueryBlock<'a, S>,
    cells: &'a mut [f32],
    end: usize,
}

fn merge(cells: &mut [f32], other: &[f32], width: usize) {
    for (row, other) in cells.chunks_exact_mut(width).zip(other.chunks_exact(width)) {
        if other[1] == 0.0 {
            continue;
        }
        let max = row[0].max(other[0]);
        let (old, new) = ((row[0] - max).exp(), (other[0] - max).exp());
        row[0] = max;
        row[1..].iter_mut().zip(&other[1..]).for_each(|(a, b)| *a = *a * old + b * new);
    }
}

thread_local! {
    /// The keys and values of a page, decoded.
    static TILE: Cell<Vec<f32>> = Cell::default();
}

/// A group of query rows of one key head.
struct QueryBlock<'a, S> {
    source: &'a S,
    head: usize,
    q: &'a [f32],
    kv_len: Vec<usize>,
    scale: f32,
    cancellation: &'a Cancellation<'a>,
}

impl<S: KeyValueSource> QueryBlock<'_, S> {
    fn range(&self, from: usize, to: usize) -> Accumulator {
        let layout = self.source.row_layout();
        let mut acc = Accumulator::new(self.kv_len.len(), layout.value);
        let mut tile = TILE.take();
        tile.resize(tile.len().max(PAGE_TOKENS * layout.stride), 0.0);
        let mut first = from;
        while first < to && !self.cancellation.is_cancelled() {
            // A tile ends at a page boundary.
            let tokens = (PAGE_TOKENS - first % PAGE_TOKENS).min(to - first);
            self.source.load(self.head, first, tokens, &mut tile[..PAGE_TOKENS * layout.stride]);
            self.tile(&layout, first, tokens, &tile, &mut acc.cells);
            first += tokens;
        }
        TILE.set(tile);
        acc
    }

    fn tile(&self, layout: &KvRowLayout, first: usize, tokens: usize, tile: &[f32], cells: &mut [f32]) {
        let width = layout.value + 2;
        let mut scores = [[0.0f32; PAGE_TOKENS]; BLOCK];
        for (block, cells) in cells.chunks_mut(BLOCK * width).enumerate() {
            let start = block * BLOCK;
            let count = cells.len() / width;
            let causal_len = |row: usize| self.kv_len[start + row].saturating_sub(first).min(tokens);
            let max_len = (0..count).map(causal_len).max().unwrap_or(0);
            // An incomplete block repeats its last row; the extra scores are not used.
            let rows: [&[f32]; BLOCK] =
                std::array::from_fn(|row| &self.q[(start + row.min(count - 1)) * layout.key..][..layout.key]);
            let mut store = |token: usize, products: [f32; BLOCK]| {
                for (scores, product) in scores.iter_mut().zip(products) {
                    scores[token] = product * self.scale;
                }
            };
            let key = |token: usize| &tile[token * layout.stride..][..layout.key];
            let aligned = max_len / BLOCK * BLOCK;
            for token in (0..aligned).step_by(BLOCK) {
                let keys: [&[f32]; BLOCK] = std::array::from_fn(|index| key(token + index));
                dot_microkernel(keys, rows)
                    .into_iter()
                    .enumerate()
                    .for_each(|(index, p)| store(token + index, p));
            }
            for token in aligned..max_len {
                store(token, dots(key(token), rows));
            }
            for (row, cells) in cells.chunks_exact_mut(width).enumerate() {
                update(
                    cells,
                    &mut scores[row][..causal_len(row)],
                    &tile[layout.value_offset..],
                    layout.stride,
                );
            }
        }
    }
}

/// Adds values, weighted by the exponentials of their scores, to one row.
fn update(row: &mut [f32], scores: &mut [f32], values: &[f32], stride: usize) {
    if scores.is_empty() {
        return;
    }
    let max = scores.iter().copied().fold(row[0], f32::max);
    let rescale = (row[0] - max).exp();
    if rescale != 1.0 {
        row[1..].iter_mut().for_each(|x| *x *= rescale);
    }
    row[0] = max;
    row[1] += exp_sum(scores, max);
    axpy_rows(&mut row[2..], scores, values, stride);
}
