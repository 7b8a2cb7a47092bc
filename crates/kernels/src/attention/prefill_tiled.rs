//! `Accumulator::attend` on AMX, for a prefill: keys and values of a range are packed once, then each group
//! of 32 query rows is multiplied with all of them. All 24 bits of f32 are kept: queries and softmax weights
//! have three bf16 terms, keys and values as many as they need.
use std::cell::Cell;
use std::ops::Range;

use super::accumulator::{Accumulator, KeyValueSource, KvRowLayout, Queries, RANGE};
use crate::activations::softmax_numerators_inline;
use crate::cache::PAGE_TOKENS;
use crate::gemm::amx::{MR, NR, OutputTile, PackedMatrix, TILE_LEN, TILE_M, TILE_N, TileRegisters, pack};
use crate::pool;

/// Terms of queries and of softmax weights.
const TERMS: usize = 3;
const PAGES: usize = RANGE / PAGE_TOKENS;

/// `q` [heads, rows, key] -> [heads][groups of 32 rows][2][K tiles, TERMS, 16, 32].
pub fn pack_queries(q: &[f32], rows: usize, key: usize) -> PackedMatrix {
    let block = pack::k_tiles(key) * TERMS * TILE_LEN;
    let mut packed = PackedMatrix::default();
    let groups = rows.div_ceil(MR);
    packed.resize(q.len() / (rows * key) * groups * 2 * block);
    let blocks = rows.div_ceil(TILE_M);
    // Of each head the blocks that have rows; the last of an odd number stays as it is.
    let mut parts: Vec<(&mut [u16], &[f32])> = Vec::new();
    for (packed, q) in packed.chunks_exact_mut(groups * 2 * block).zip(q.chunks_exact(rows * key)) {
        parts.extend(packed[..blocks * block].chunks_exact_mut(block).zip(q.chunks(TILE_M * key)));
    }
    pool::chunks_mut(&mut parts, 1, |_, part| {
        let (block, rows) = &mut part[0];
        // SAFETY: packing requires AMX, and `available` includes AVX-512 with bf16.
        unsafe { pack::pack_rows::<TERMS>(rows.chunks_exact(key), block) };
    });
    packed
}

/// `Accumulator::attend` with the result of `pack_queries`. `T` is the number of terms of keys and values.
pub fn attend<const T: usize, S, V>(
    acc: &mut Accumulator,
    source: &S,
    queries: &Queries<V>,
    packed: &PackedMatrix,
    from: usize,
    to: usize,
) where
    S: KeyValueSource,
    V: Fn(usize) -> usize + Sync,
{
    debug_assert!(from.is_multiple_of(PAGE_TOKENS), "a range starts at a page boundary");
    let layout = source.row_layout();
    let (rows, width) = (queries.rows, layout.value + 2);
    let heads = acc.cells.len() / (rows * width);
    let sizes = PackedPageSizes::new::<T>(&layout);
    let (mut keys, mut values) = (PackedMatrix::default(), PackedMatrix::default());
    keys.resize(heads * PAGES * sizes.keys);
    values.resize(heads * PAGES * sizes.values);
    for start in (from..to).step_by(RANGE) {
        if queries.cancellation.is_cancelled() {
            return;
        }
        let range = start..to.min(start + RANGE);
        let mut pages: Vec<_> =
            keys.chunks_exact_mut(sizes.keys).zip(values.chunks_exact_mut(sizes.values)).collect();
        pool::chunks_mut(&mut pages, 1, |at, page| {
            let (keys, values) = &mut page[0];
            let first = start + at % PAGES * PAGE_TOKENS;
            if first < range.end {
                let count = PAGE_TOKENS.min(range.end - first);
                let mut workspace = PACK_WORKSPACE.take();
                workspace.rows.resize(PAGE_TOKENS * layout.stride, 0.0);
                source.load(at / PAGES, first, count, &mut workspace.rows);
                // SAFETY: as in `pack_queries`.
                unsafe { pack_page::<T>(&layout, &sizes, count, &mut workspace, keys, values) };
                PACK_WORKSPACE.set(workspace);
            }
        });
        // Groups of 32 rows of every head.
        let mut groups: Vec<(usize, usize, &mut [f32])> = Vec::new();
        for (head, cells) in acc.cells.chunks_exact_mut(rows * width).enumerate() {
            let of_head = cells.chunks_mut(MR * width).enumerate();
            groups.extend(of_head.map(|(group, cells)| (head, group, cells)));
        }
        pool::chunks_mut(&mut groups, 1, |_, group| {
            let (head, group, cells) = &mut group[0];
            let block = pack::k_tiles(layout.key) * TERMS * TILE_LEN;
            let at = *head * rows.div_ceil(MR) + *group;
            let first = *group * MR;
            let group = QueryGroup {
                queries: &packed[at * 2 * block..][..2 * block],
                keys: &keys[*head * PAGES * sizes.keys..][..PAGES * sizes.keys],
                values: &values[*head * PAGES * sizes.values..][..PAGES * sizes.values],
                value_blocks: sizes.value_blocks,
                scale: queries.scale,
            };
            let causal_len =
                |row: usize| (queries.kv_len)(first + row).clamp(range.start, range.end) - range.start;
            if !queries.cancellation.is_cancelled() {
                let mut workspace = GROUP_WORKSPACE.take();
                // SAFETY: as in `pack_queries`.
                unsafe { group.attend::<T>(cells, width, causal_len, &mut workspace) };
                GROUP_WORKSPACE.set(workspace);
            }
        });
    }
}

thread_local! {
    static PACK_WORKSPACE: Cell<PackWorkspace> = Cell::default();
    static GROUP_WORKSPACE: Cell<GroupWorkspace> = Cell::default();
}

/// Elements of a packed page of one head.
struct PackedPageSizes {
    /// [blocks of 16 keys][K tiles, T, 16, 16, 2]
    keys: usize,
    /// [K tiles][column blocks][T, 16, 16, 2]
    values: usize,
    /// Column blocks of the values, an even number.
    value_blocks: usize,
}

impl PackedPageSizes {
    fn new<const T: usize>(layout: &KvRowLayout) -> Self {
        let value_blocks = layout.value.div_ceil(NR) * 2;
        let tile = T * TILE_LEN;
        Self {
            keys: PAGE_TOKENS / TILE_N * pack::k_tiles(layout.key) * tile,
            values: pack::k_tiles(PAGE_TOKENS) * value_blocks * tile,
            value_blocks,
        }
    }
}

/// Scratch memory for packing a page.
#[derive(Default)]
struct PackWorkspace {
    rows: Vec<f32>,
    staging: PackedMatrix,
}

/// Packs `count` keys and values of a page. Missing ones keep old values, which are finite and get weight
/// zero.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")]
fn pack_page<const T: usize>(
    layout: &KvRowLayout,
    sizes: &PackedPageSizes,
    count: usize,
    workspace: &mut PackWorkspace,
    keys: &mut [u16],
    values: &mut [u16],
) {
    let row = |t: usize| &workspace.rows[t * layout.stride..][..layout.stride];
    let block = sizes.keys / (PAGE_TOKENS / TILE_N);
    for (at, block) in keys.chunks_exact_mut(block).take(count.div_ceil(TILE_N)).enumerate() {
        let columns = (at * TILE_N..count.min((at + 1) * TILE_N)).map(|t| &row(t)[..layout.key]);
        pack::pack_columns::<T>(columns, &mut workspace.staging, block);
    }
    let value = |t: usize| if t < count { &row(t)[layout.value_offset..][..layout.value] } else { &[] };
    for t in (0..count).step_by(2) {
        pack::pack_row_pair::<T>(t, [value(t), value(t + 1)], sizes.value_blocks, values);
    }
}

/// Scratch memory for a group of query rows.
#[derive(Default)]
struct GroupWorkspace {
    scores: Vec<f32>,
    weights: PackedMatrix,
}

/// Up to 32 query rows of one head.
struct QueryGroup<'a> {
    queries: &'a [u16],
    keys: &'a [u16],
    values: &'a [u16],
    value_blocks: usize,
    scale: f32,
}

impl QueryGroup<'_> {
    /// Adds the first `causal_len` keys of the range, per row, to the accumulator `cells` [rows, width].
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")]
    fn attend<const T: usize>(
        &self,
        cells: &mut [f32],
        width: usize,
        causal_len: impl Fn(usize) -> usize,
        workspace: &mut GroupWorkspace,
    ) {
        let count = cells.len() / width;
        let max_len = (0..count).map(&causal_len).max().unwrap_or(0);
        if max_len == 0 {
            return;
        }
        let registers = TileRegisters::new();
        let key_tiles = max_len.div_ceil(NR);
        workspace.scores.resize(MR * RANGE, 0.0);
        let (first, second) = self.queries.split_at(self.queries.len() / 2);
        let queries = [first, second];
        let block = self.keys.len() / (RANGE / TILE_N);
        for at in 0..key_tiles {
            let keys = [2 * at, 2 * at + 1].map(|at| &self.keys[at * block..][..block]);
            let scores = &mut workspace.scores[at * NR..];
            registers.microkernel::<TERMS, T, false>(queries, keys, T * TILE_LEN, scores, RANGE);
        }
        let (weights_len, tile) = (key_tiles * TERMS * TILE_LEN, T * TILE_LEN);
        workspace.weights.resize(2 * weights_len);
        // Factors of the old and of the new values of each row.
        let mut factors = [[1.0f32, 0.0]; MR];
        for (r, row) in cells.chunks_exact_mut(width).enumerate() {
            let scores = &mut workspace.scores[r * RANGE..][..key_tiles * NR];
            let (attended, masked) = scores.split_at_mut(causal_len(r));
            factors[r] = self.softmax(attended, row);
            masked.fill(0.0);
            let weights = &mut workspace.weights[r / TILE_M * weights_len..][..weights_len];
            pack::pack_row::<TERMS>(scores, 1.0, r % TILE_M, weights);
        }
        let weights = [&workspace.weights[..weights_len], &workspace.weights[weights_len..]];
        let mut out = OutputTile::new();
        for at in (0..self.value_blocks).step_by(2) {
            let values = [at, at + 1].map(|at| &self.values[at * tile..]);
            registers.microkernel::<TERMS, T, false>(
                weights,
                values,
                self.value_blocks * tile,
                &mut out.0,
                NR,
            );
            let columns = columns_of(at, width - 2);
            for (r, row) in cells.chunks_exact_mut(width).enumerate() {
                let [old, new] = factors[r];
                let values = &out.0[r * NR..][..columns.len()];
                let sums = &mut row[2..][columns.clone()];
                sums.iter_mut().zip(values).for_each(|(sum, value)| *sum = *sum * old + value * new);
            }
        }
    }

    /// Replaces scores by their exponentials and updates maximum and sum of the row. Returns the factors of
    /// the old and of the new weighted values.
    #[inline(always)]
    fn softmax(&self, scores: &mut [f32], row: &mut [f32]) -> [f32; 2] {
        if scores.is_empty() {
            return [1.0, 0.0];
        }
        scores.iter_mut().for_each(|score| *score *= self.scale);
        let (new_max, new_sum) = softmax_numerators_inline(scores);
        let max = row[0].max(new_max);
        let (old, new) = ((row[0] - max).exp(), (new_max - max).exp());
        row[0] = max;
        row[1] = row[1] * old + new_sum * new;
        [old, new]
    }
}

/// The columns of two column blocks from `block` on, of `columns` in all.
fn columns_of(block: usize, columns: usize) -> Range<usize> {
    let start = (block * TILE_N).min(columns);
    start..columns.min(start + NR)
}
