//! Many rows times a weight. The rows (A) are packed once; the weight (B) is packed one panel of columns at a
//! time, which stays in the L2 cache while all rows are multiplied with it. Results are batch-invariant: an
//! output row does not depend on the other rows.
use std::cell::Cell;
use std::ops::Range;

use formats::{Dtype, prefetch};

use super::{MR, NR, OutputTile, PackedMatrix, TILE_K, TILE_LEN, TILE_M, TILE_N, TileRegisters, pack};
use crate::{Cancellation, Weight, pool};

/// Tiles along K per pass over a panel, at most.
const K_BLOCK: usize = 40;
/// Packed tiles of a panel per pass, at most: with two blocks of rows they fit an L2 cache of 1 MB.
const L2_TILES: usize = 16 * K_BLOCK;

/// The split of f32 values into bf16 terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// Two terms: 16 bits of the mantissa.
    Bf16x2,
    /// Three terms: all 24 bits.
    Bf16x3,
}

impl Split {
    const fn n_terms(self) -> usize {
        match self {
            Self::Bf16x2 => 2,
            Self::Bf16x3 => 3,
        }
    }
}

/// The left matrix, packed into tiles.
pub struct PackedA {
    /// [blocks of 16 rows, K tiles, terms, 16, 32], an even number of blocks. Rows beyond `n` have old
    /// values.
    packed: PackedMatrix,
    split: Split,
    n: usize,
    k_tiles: usize,
}

thread_local! {
    /// Reused between products: allocating megabytes of zeros takes as long as the product.
    static A_BUFFER: Cell<PackedMatrix> = Cell::default();
    static WORKSPACE: Cell<Workspace> = Cell::default();
}

impl PackedA {
    /// Packs `rows` of `cols` values each.
    ///
    /// # Panics
    /// When AMX is not available.
    pub fn pack(rows: &[&[f32]], cols: usize, split: Split) -> Self {
        assert!(super::available(), "AMX is not available");
        let k_tiles = pack::k_tiles(cols);
        let block = k_tiles * split.n_terms() * TILE_LEN;
        let mut packed = A_BUFFER.take();
        packed.resize(rows.len().div_ceil(MR) * 2 * block);
        let blocks = rows.len().div_ceil(TILE_M);
        pool::chunks_mut(&mut packed[..blocks * block], block, |at, out| {
            let rows = &rows[at * TILE_M..rows.len().min((at + 1) * TILE_M)];
            // SAFETY: `available` includes AVX-512 with bf16.
            unsafe {
                match split {
                    Split::Bf16x2 => pack::pack_rows::<2>(rows.iter().copied(), out),
                    Split::Bf16x3 => pack::pack_rows::<3>(rows.iter().copied(), out),
                }
            }
        });
        Self { packed, split, n: rows.len(), k_tiles }
    }

    /// The tiles `k_range` of two consecutive blocks of rows.
    fn pair(&self, at: usize, k_range: &Range<usize>) -> [&[u16]; 2] {
        let tile = self.split.n_terms() * TILE_LEN;
        let elements = k_range.start * tile..k_range.end * tile;
        [0, 1].map(|more| &self.packed[(2 * at + more) * self.k_tiles * tile..][elements.clone()])
    }
}

impl Drop for PackedA {
    fn drop(&mut self) {
        A_BUFFER.set(std::mem::take(&mut self.packed));
    }
}

/// Calls `consume(rows, columns, tile)` once for each output tile of `a` times the transposed `weight`, from
/// several threads. A tile has at most `MR` rows, `NR` values apart. After a cancellation some tiles are
/// missing.
pub fn gemm<P>(weight: &Weight, a: &PackedA, cancellation: &Cancellation, consume: P)
where
    P: Fn(Range<usize>, Range<usize>, &mut [f32; MR * NR]) + Sync,
{
    let panels = panels(weight, a.split);
    pool::for_each(panels.len(), |at| gemm_panel(weight, panels[at].clone(), a, cancellation, &consume));
}

/// `gemm` for one panel: a range of blocks of 16 columns.
pub fn gemm_panel(
    weight: &Weight,
    panel: Range<usize>,
    a: &PackedA,
    cancellation: &Cancellation,
    consume: impl Fn(Range<usize>, Range<usize>, &mut [f32; MR * NR]),
) {
    debug_assert_eq!(pack::k_tiles(weight.cols()), a.k_tiles);
    let task = PanelTask { weight, a, k_block: k_block(a.k_tiles), panel, cancellation, consume };
    let mut workspace = WORKSPACE.take();
    // SAFETY: `available` includes AVX-512 with bf16, and `PackedA` exists only where it is true.
    unsafe {
        match (a.split, b_terms(weight, a.split)) {
            (Split::Bf16x2, 1) => task.run::<2, 1>(&mut workspace),
            (Split::Bf16x2, _) => task.run::<2, 2>(&mut workspace),
            (Split::Bf16x3, 1) => task.run::<3, 1>(&mut workspace),
            (Split::Bf16x3, 2) => task.run::<3, 2>(&mut workspace),
            (Split::Bf16x3, _) => task.run::<3, 3>(&mut workspace),
        }
    }
    WORKSPACE.set(workspace);
}

/// The panels of a weight, each a range of blocks of 16 columns, for all threads.
pub fn panels(weight: &Weight, split: Split) -> Vec<Range<usize>> {
    let blocks = weight.rows().div_ceil(TILE_N);
    let max_width = L2_TILES / (k_block(pack::k_tiles(weight.cols())) * b_terms(weight, split));
    let width = panel_width(blocks, max_width, pool::threads());
    pool::ranges(blocks, width).collect()
}

/// Terms per weight value. Two hold f16 exactly, and a quantised value more precisely than the scale of its
/// block.
fn b_terms(weight: &Weight, split: Split) -> usize {
    match weight.dtype() {
        Dtype::BF16 => 1,
        Dtype::F32 | Dtype::F8E4M3 => split.n_terms(),
        _ => 2,
    }
}

/// Tiles along K per pass.
fn k_block(k_tiles: usize) -> usize {
    k_tiles.div_ceil(k_tiles.div_ceil(K_BLOCK))
}

/// Blocks of columns per panel: an even number, at most `max_width`, such that every thread gets the same
/// number of panels, at least two.
fn panel_width(blocks: usize, max_width: usize, threads: usize) -> usize {
    let tasks = blocks.div_ceil(max_width).max(2).next_multiple_of(2 * threads);
    blocks.div_ceil(tasks).next_multiple_of(2)
}

struct PanelTask<'a, P> {
    weight: &'a Weight,
    a: &'a PackedA,
    k_block: usize,
    /// Blocks of 16 columns.
    panel: Range<usize>,
    cancellation: &'a Cancellation<'a>,
    consume: P,
}

/// Scratch memory of a thread.
#[derive(Default)]
struct Workspace {
    b: PackedMatrix,
    staging: PackedMatrix,
    values: Vec<f32>,
    tiles: Vec<OutputTile>,
}

impl<P: Fn(Range<usize>, Range<usize>, &mut [f32; MR * NR])> PanelTask<'_, P> {
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")]
    fn run<const A_TERMS: usize, const B_TERMS: usize>(&self, workspace: &mut Workspace) {
        let k_tiles = self.a.k_tiles;
        let (first, blocks) = (self.panel.start, self.panel.len());
        let width = blocks.div_ceil(2);
        workspace.b.resize(blocks * k_tiles * B_TERMS * TILE_LEN);
        for at in 0..blocks {
            if self.cancellation.is_cancelled() {
                return;
            }
            self.pack_columns::<B_TERMS>((first + at) * TILE_N, at, blocks, workspace);
        }
        let k_blocks = k_tiles.div_ceil(self.k_block);
        let pairs = self.a.n.div_ceil(MR);
        // With one K block a tile is complete at once, so one buffer is enough.
        let tiles = if k_blocks == 1 { 1 } else { pairs * width };
        if workspace.tiles.len() < tiles {
            workspace.tiles.resize_with(tiles, OutputTile::new);
        }
        let mut next_panel = self.next_panel_chunks(k_blocks * pairs * width);
        let registers = TileRegisters::new();
        for k_index in 0..k_blocks {
            let k_range = self.k_range(k_index);
            let block = k_range.len() * B_TERMS * TILE_LEN;
            let columns = &workspace.b[k_range.start * blocks * B_TERMS * TILE_LEN..][..blocks * block];
            let columns = |at: usize| &columns[at.min(blocks - 1) * block..][..block];
            for row in 0..pairs {
                if self.cancellation.is_cancelled() {
                    return;
                }
                let a_tiles = self.a.pair(row, &k_range);
                for at in 0..width {
                    prefetch(next_panel.next().unwrap_or_default(), 0);
                    let tile = &mut workspace.tiles[if k_blocks == 1 { 0 } else { row * width + at }].0;
                    let b_tiles = [columns(2 * at), columns(2 * at + 1)];
                    if k_index == 0 {
                        registers.microkernel::<A_TERMS, B_TERMS, false>(
                            a_tiles,
                            b_tiles,
                            B_TERMS * TILE_LEN,
                            tile,
                            NR,
                        );
                    } else {
                        registers.microkernel::<A_TERMS, B_TERMS, true>(
                            a_tiles,
                            b_tiles,
                            B_TERMS * TILE_LEN,
                            tile,
                            NR,
                        );
                    }
                    if k_index + 1 == k_blocks {
                        let clipped = |from: usize, len: usize, end: usize| from..end.min(from + len);
                        // The second half of the last tile of an odd number of blocks is not this panel's.
                        let end = self.weight.rows().min(self.panel.end * TILE_N);
                        let columns = clipped(first * TILE_N + at * NR, NR, end);
                        (self.consume)(clipped(row * MR, MR, self.a.n), columns, tile);
                    }
                }
            }
        }
    }

    /// The encoded bytes of the next panel in `parts` chunks, to be prefetched during the product.
    fn next_panel_chunks(&self, parts: usize) -> std::slice::Chunks<'_, u8> {
        let end = self.weight.rows();
        let next = [self.panel.end, self.panel.end + self.panel.len()].map(|block| end.min(block * TILE_N));
        let bytes = self.weight.encoded_range(next[0]..next[1]);
        bytes.chunks(bytes.len().div_ceil(parts).next_multiple_of(64).max(64))
    }

    /// The tiles along K of one pass.
    fn k_range(&self, k_index: usize) -> Range<usize> {
        k_index * self.k_block..self.a.k_tiles.min((k_index + 1) * self.k_block)
    }

    /// Packs 16 rows of the weight, from `first` on, as columns: block `at` of each K block.
    #[inline(always)]
    fn pack_columns<const B_TERMS: usize>(
        &self,
        first: usize,
        at: usize,
        blocks: usize,
        workspace: &mut Workspace,
    ) {
        let cols = self.weight.cols();
        let rows = first..(first + TILE_N).min(self.weight.rows());
        if B_TERMS > 1 {
            workspace.values.resize(TILE_N * cols, 0.0);
            for (r, values) in rows.clone().zip(workspace.values.chunks_exact_mut(cols)) {
                self.weight.dequantize_row(r, values);
            }
        }
        for k_index in 0..self.a.k_tiles.div_ceil(self.k_block) {
            let k_range = self.k_range(k_index);
            let (tile, values) = (B_TERMS * TILE_LEN, k_range.start * TILE_K..cols.min(k_range.end * TILE_K));
            let start = (k_range.start * blocks + at * k_range.len()) * tile;
            let out = &mut workspace.b[start..][..k_range.len() * tile];
            if B_TERMS == 1 {
                let bytes = 2 * values.start..2 * values.end;
                let rows = rows.clone().map(|r| &self.weight.encoded_row(r)[bytes.clone()]);
                pack::pack_bf16_columns(rows, &mut workspace.staging, out);
            } else {
                let rows =
                    workspace.values.chunks_exact(cols).take(rows.len()).map(|row| &row[values.clone()]);
                pack::pack_columns::<B_TERMS>(rows, &mut workspace.staging, out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_are_shared_evenly_and_fit_the_cache() {
        for (blocks, max_width, threads, expected) in
            [(269, 32, 2, 24), (72, 32, 2, 18), (1, 32, 2, 2), (88, 16, 16, 4), (9000, 16, 2, 16)]
        {
            assert_eq!(panel_width(blocks, max_width, threads), expected, "{blocks} {max_width} {threads}");
        }
    }
}
