//! `Sums::attend` on tiles, for the rows of a prompt: keys and values of a range are packed once, then 32 rows at a time meet
//! them all. The numbers keep all bits of f32: three parts of queries and weights, of keys and values as many as they need.
use std::ops::Range;

use rayon::prelude::*;

use super::online_softmax::{Queries, RANGE, RowShape, Source, Sums};
use crate::activations::exp;
use crate::cache::PAGE_TOKENS;
use crate::gemm::amx::{Packed, SIDE, SQUARE, Square, TILE, Tiles, pack};
use crate::simd_math::{largest, sum};

/// Parts of queries and of weights.
const TERMS: usize = 3;
const PAGES: usize = RANGE / PAGE_TOKENS;

/// `q` [heads, rows, key] -> [heads][groups of 32 rows][2][depth, TERMS, 16, 32].
pub fn pack_queries(q: &[f32], rows: usize, key: usize) -> Packed {
    let block = pack::depth_of(key) * TERMS * TILE;
    let mut packed = Packed::default();
    let groups = rows.div_ceil(SQUARE);
    packed.resize(q.len() / (rows * key) * groups * 2 * block);
    let heads = packed.par_chunks_exact_mut(groups * 2 * block).zip(q.par_chunks_exact(rows * key));
    heads.for_each(|(packed, q)| {
        packed.par_chunks_exact_mut(block).zip(q.par_chunks(SIDE * key)).for_each(|(block, rows)| {
            // SAFETY: whoever packs has tiles, and whoever has tiles has AVX-512 with bf16 (`available`).
            unsafe { pack::rows::<TERMS>(rows.chunks_exact(key), block) };
        });
    });
    packed
}

/// `Sums::attend`, with the queries as `pack_queries` gives them. `T` parts hold the keys and values of `source`.
pub fn attend<const T: usize, S, V>(
    sums: &mut Sums,
    source: &S,
    queries: &Queries<V>,
    packed: &Packed,
    from: usize,
    to: usize,
) where
    S: Source,
    V: Fn(usize) -> usize + Sync,
{
    debug_assert!(from.is_multiple_of(PAGE_TOKENS), "tiles begin where pages begin");
    let shape = source.row_shape();
    let (rows, width) = (queries.rows, shape.value + 2);
    let heads = sums.cells.len() / (rows * width);
    let sizes = Sizes::new::<T>(&shape);
    let (mut keys, mut values) = (Packed::default(), Packed::default());
    keys.resize(heads * PAGES * sizes.keys);
    values.resize(heads * PAGES * sizes.values);
    for start in (from..to).step_by(RANGE) {
        if queries.cancellation.is_cancelled() {
            return;
        }
        let range = start..to.min(start + RANGE);
        let pages = keys.par_chunks_exact_mut(sizes.keys).zip(values.par_chunks_exact_mut(sizes.values));
        pages.enumerate().for_each_init(PageRoom::default, |room, (at, (keys, values))| {
            let first = start + at % PAGES * PAGE_TOKENS;
            if first < range.end {
                let count = PAGE_TOKENS.min(range.end - first);
                room.rows.resize(PAGE_TOKENS * shape.stride, 0.0);
                source.load(at / PAGES, first, count, &mut room.rows);
                // SAFETY: as in `pack_queries`.
                unsafe { pack_page::<T>(&shape, &sizes, count, room, keys, values) };
            }
        });
        let heads = sums.cells.par_chunks_exact_mut(rows * width).enumerate();
        heads.for_each(|(head, cells)| {
            let groups = cells.par_chunks_mut(SQUARE * width).enumerate();
            groups.for_each_init(RowRoom::default, |room, (group, cells)| {
                let block = pack::depth_of(shape.key) * TERMS * TILE;
                let at = head * rows.div_ceil(SQUARE) + group;
                let first = group * SQUARE;
                let part = Part {
                    queries: &packed[at * 2 * block..][..2 * block],
                    keys: &keys[head * PAGES * sizes.keys..][..PAGES * sizes.keys],
                    values: &values[head * PAGES * sizes.values..][..PAGES * sizes.values],
                    blocks: sizes.blocks,
                    scale: queries.scale,
                };
                let seen =
                    |row: usize| (queries.visible)(first + row).clamp(range.start, range.end) - range.start;
                if !queries.cancellation.is_cancelled() {
                    // SAFETY: as in `pack_queries`.
                    unsafe { part.run::<T>(cells, width, seen, room) };
                }
            });
        });
    }
}

/// Numbers of a packed page of one head.
struct Sizes {
    /// [blocks of 16 keys][depth, T, 16, 16, 2]
    keys: usize,
    /// [depth][blocks of columns][T, 16, 16, 2]
    values: usize,
    /// Blocks of columns of values, an even number.
    blocks: usize,
}

impl Sizes {
    fn new<const T: usize>(shape: &RowShape) -> Self {
        let blocks = shape.value.div_ceil(SQUARE) * 2;
        let tile = T * TILE;
        Self {
            keys: PAGE_TOKENS / SIDE * pack::depth_of(shape.key) * tile,
            values: pack::depth_of(PAGE_TOKENS) * blocks * tile,
            blocks,
        }
    }
}

/// What packing a page needs.
#[derive(Default)]
struct PageRoom {
    rows: Vec<f32>,
    staging: Packed,
}

/// What was there before of keys and values that are missing stays: finite numbers, whose weights are zero.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")]
fn pack_page<const T: usize>(
    shape: &RowShape,
    sizes: &Sizes,
    count: usize,
    room: &mut PageRoom,
    keys: &mut [u16],
    values: &mut [u16],
) {
    let row = |t: usize| &room.rows[t * shape.stride..][..shape.stride];
    let block = sizes.keys / (PAGE_TOKENS / SIDE);
    for (at, block) in keys.chunks_exact_mut(block).take(count.div_ceil(SIDE)).enumerate() {
        let own = (at * SIDE..count.min((at + 1) * SIDE)).map(|t| &row(t)[..shape.key]);
        pack::columns_in_parts::<T>(own, &mut room.staging, block);
    }
    let value = |t: usize| if t < count { &row(t)[shape.value_at..][..shape.value] } else { &[] };
    for t in (0..count).step_by(2) {
        pack::pair_of_rows::<T>(t, [value(t), value(t + 1)], sizes.blocks, values);
    }
}

/// What 32 rows need.
#[derive(Default)]
struct RowRoom {
    scores: Vec<f32>,
    weights: Packed,
}

/// Up to 32 rows of one head.
struct Part<'a> {
    queries: &'a [u16],
    keys: &'a [u16],
    values: &'a [u16],
    blocks: usize,
    scale: f32,
}

impl Part<'_> {
    /// Takes the keys that each row has `seen` of the range into `cells` [rows, width].
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")]
    fn run<const T: usize>(
        &self,
        cells: &mut [f32],
        width: usize,
        seen: impl Fn(usize) -> usize,
        room: &mut RowRoom,
    ) {
        let count = cells.len() / width;
        let most = (0..count).map(&seen).max().unwrap_or(0);
        if most == 0 {
            return;
        }
        let tiles = Tiles::new();
        let squares = most.div_ceil(SQUARE);
        room.scores.resize(SQUARE * RANGE, 0.0);
        let (first, second) = self.queries.split_at(self.queries.len() / 2);
        let queries = [first, second];
        let block = self.keys.len() / (RANGE / SIDE);
        for at in 0..squares {
            let met = [2 * at, 2 * at + 1].map(|at| &self.keys[at * block..][..block]);
            tiles.square::<TERMS, T, false>(queries, met, T * TILE, &mut room.scores[at * SQUARE..], RANGE);
        }
        let (long, tile) = (squares * TERMS * TILE, T * TILE);
        room.weights.resize(2 * long);
        // What the row had and what comes are multiplied with these.
        let mut shares = [[1.0f32, 0.0]; SQUARE];
        for (r, row) in cells.chunks_exact_mut(width).enumerate() {
            let scores = &mut room.scores[r * RANGE..][..squares * SQUARE];
            let (own, beyond) = scores.split_at_mut(seen(r));
            shares[r] = self.weigh(own, row);
            beyond.fill(0.0);
            pack::row::<TERMS>(scores, 1.0, r % SIDE, &mut room.weights[r / SIDE * long..][..long]);
        }
        let weights = [&room.weights[..long], &room.weights[long..]];
        let mut square = Square::new();
        for at in (0..self.blocks).step_by(2) {
            let met = [at, at + 1].map(|at| &self.values[at * tile..]);
            tiles.square::<TERMS, T, false>(weights, met, self.blocks * tile, &mut square.0, SQUARE);
            let columns = columns_of(at, width - 2);
            for (r, row) in cells.chunks_exact_mut(width).enumerate() {
                let [old, new] = shares[r];
                let line = &square.0[r * SQUARE..][..columns.len()];
                let own = &mut row[2..][columns.clone()];
                own.iter_mut().zip(line).for_each(|(own, value)| *own = *own * old + value * new);
            }
        }
    }

    /// Puts powers in the place of scores, takes their largest and their sum into the row, and says what its values and the new
    /// ones are multiplied with.
    #[inline(always)]
    fn weigh(&self, scores: &mut [f32], row: &mut [f32]) -> [f32; 2] {
        if scores.is_empty() {
            return [1.0, 0.0];
        }
        scores.iter_mut().for_each(|score| *score *= self.scale);
        let most = largest(scores);
        scores.iter_mut().for_each(|score| *score = exp(*score - most));
        let all = row[0].max(most);
        let (old, new) = ((row[0] - all).exp(), (most - all).exp());
        row[0] = all;
        row[1] = row[1] * old + sum(scores, |power| power) * new;
        [old, new]
    }
}

/// The columns of a square of two blocks from `block` on, of so many.
fn columns_of(block: usize, columns: usize) -> Range<usize> {
    let start = (block * SIDE).min(columns);
    start..columns.min(start + SQUARE)
}
