//! Many rows times a weight. Rows are packed once for all columns; columns of the weight are packed a strip at a time, and stay in
//! a core's own cache while all rows pass by. A row's numbers do not depend on the rows beside it.
use std::cell::Cell;
use std::ops::Range;

use formats::{Dtype, prefetch};
use rayon::prelude::*;

use super::{DEPTH, Packed, SIDE, SQUARE, Square, TILE, Tiles, pack};
use crate::{Cancellation, Weight};

/// Tiles along the depth that are multiplied in one go at most.
const DEEP: usize = 40;
/// Packed tiles of a strip that meet rows at once, at most: with two blocks of rows they fit a core's own cache of 1 MB.
const NEAR: usize = 16 * DEEP;

/// How much of each number is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// 16 bits, in two parts.
    Most,
    /// All 24, in three.
    All,
}

impl Keep {
    const fn terms(self) -> usize {
        match self {
            Self::Most => 2,
            Self::All => 3,
        }
    }
}

/// Rows in the order in which tiles take them.
pub struct Rows {
    /// [blocks of 16, depth, parts, 16, 32], an even number of blocks. Rows beyond `n` are whatever was there before.
    packed: Packed,
    keep: Keep,
    n: usize,
    depth: usize,
}

thread_local! {
    /// Memory of a product before: to get megabytes of zeros anew for each takes as long as to multiply.
    static ROOM: Cell<Packed> = Cell::default();
    static SCRATCH: Cell<Scratch> = Cell::default();
}

impl Rows {
    /// `rows`, each of `cols` numbers.
    ///
    /// # Panics
    /// When the tiles are not there.
    pub fn pack(rows: &[&[f32]], cols: usize, keep: Keep) -> Self {
        assert!(super::available(), "rows are packed for tiles");
        let depth = pack::depth_of(cols);
        let block = depth * keep.terms() * TILE;
        let mut packed = ROOM.take();
        packed.resize(rows.len().div_ceil(SQUARE) * 2 * block);
        packed.par_chunks_exact_mut(block).zip(rows.par_chunks(SIDE)).for_each(|(out, rows)| {
            // SAFETY: AMX comes with AVX-512 and its bf16 (`available`).
            unsafe {
                match keep {
                    Keep::Most => pack::rows::<2>(rows.iter().copied(), out),
                    Keep::All => pack::rows::<3>(rows.iter().copied(), out),
                }
            }
        });
        Self { packed, keep, n: rows.len(), depth }
    }

    /// Tiles of two blocks of rows.
    fn pair(&self, at: usize, depth: &Range<usize>) -> [&[u16]; 2] {
        let tile = self.keep.terms() * TILE;
        let along = depth.start * tile..depth.end * tile;
        [0, 1].map(|more| &self.packed[(2 * at + more) * self.depth * tile..][along.clone()])
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        ROOM.set(std::mem::take(&mut self.packed));
    }
}

/// Calls `put(rows, columns, square)` with all parts of `rows` times the transposed `weight`, 32 rows and columns at most, whose lines are
/// `SQUARE` apart: each once, from several threads. When it is cancelled some are missing.
pub fn product<P>(weight: &Weight, rows: &Rows, cancellation: &Cancellation, put: P)
where
    P: Fn(Range<usize>, Range<usize>, &mut [f32; SQUARE * SQUARE]) + Sync,
{
    strips(weight, rows.keep)
        .into_par_iter()
        .with_max_len(1)
        .for_each(|strip| product_of_strip(weight, strip, rows, cancellation, &put));
}

/// What `product` does, for some blocks of 16 columns.
pub fn product_of_strip(
    weight: &Weight,
    strip: Range<usize>,
    rows: &Rows,
    cancellation: &Cancellation,
    put: impl Fn(Range<usize>, Range<usize>, &mut [f32; SQUARE * SQUARE]),
) {
    debug_assert_eq!(pack::depth_of(weight.cols()), rows.depth);
    let task = Task { weight, rows, deep: deep(rows.depth), strip, cancellation, put };
    let mut scratch = SCRATCH.take();
    // SAFETY: AMX comes with AVX-512 and its bf16 (`available`), and rows are packed where it is.
    unsafe {
        match (rows.keep, terms(weight, rows.keep)) {
            (Keep::Most, 1) => task.run::<2, 1>(&mut scratch),
            (Keep::Most, _) => task.run::<2, 2>(&mut scratch),
            (Keep::All, 1) => task.run::<3, 1>(&mut scratch),
            (Keep::All, 2) => task.run::<3, 2>(&mut scratch),
            (Keep::All, _) => task.run::<3, 3>(&mut scratch),
        }
    }
    SCRATCH.set(scratch);
}

/// Blocks of 16 columns that are worked on together, for all threads.
pub fn strips(weight: &Weight, keep: Keep) -> Vec<Range<usize>> {
    let blocks = weight.rows().div_ceil(SIDE);
    let near = NEAR / (deep(pack::depth_of(weight.cols())) * terms(weight, keep));
    let strip = strip(blocks, near, rayon::current_num_threads());
    (0..blocks).step_by(strip).map(|first| first..blocks.min(first + strip)).collect()
}

/// Parts that a weight's numbers need. Two hold those of f16, and more of a number in few bits than its block's scale is true to.
fn terms(weight: &Weight, keep: Keep) -> usize {
    match weight.dtype() {
        Dtype::BF16 => 1,
        Dtype::F32 | Dtype::F8E4M3 => keep.terms(),
        _ => 2,
    }
}

/// Tiles along the depth of each piece.
fn deep(depth: usize) -> usize {
    depth.div_ceil(depth.div_ceil(DEEP))
}

/// Blocks of columns of each task: even, at most `most`, and so that every thread gets as many tasks as the others, two at least.
fn strip(blocks: usize, most: usize, threads: usize) -> usize {
    let tasks = blocks.div_ceil(most).max(2).next_multiple_of(2 * threads);
    blocks.div_ceil(tasks).next_multiple_of(2)
}

struct Task<'a, P> {
    weight: &'a Weight,
    rows: &'a Rows,
    deep: usize,
    /// Blocks of columns.
    strip: Range<usize>,
    cancellation: &'a Cancellation<'a>,
    put: P,
}

/// What a thread needs to multiply.
#[derive(Default)]
struct Scratch {
    columns: Packed,
    staging: Packed,
    numbers: Vec<f32>,
    squares: Vec<Square>,
}

impl<P: Fn(Range<usize>, Range<usize>, &mut [f32; SQUARE * SQUARE])> Task<'_, P> {
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")]
    fn run<const ROW_TERMS: usize, const TERMS: usize>(&self, scratch: &mut Scratch) {
        let depth = self.rows.depth;
        let (first, blocks) = (self.strip.start, self.strip.len());
        let width = blocks.div_ceil(2);
        scratch.columns.resize(blocks * depth * TERMS * TILE);
        for at in 0..blocks {
            if self.cancellation.is_cancelled() {
                return;
            }
            self.pack_columns::<TERMS>((first + at) * SIDE, at, blocks, scratch);
        }
        let pieces = depth.div_ceil(self.deep);
        let pairs = self.rows.n.div_ceil(SQUARE);
        // With one piece a square is done when it is made.
        let squares = if pieces == 1 { 1 } else { pairs * width };
        if scratch.squares.len() < squares {
            scratch.squares.resize_with(squares, Square::new);
        }
        let mut ahead = self.ahead(pieces * pairs * width);
        let tiles = Tiles::new();
        for piece in 0..pieces {
            let along = self.along(piece);
            let block = along.len() * TERMS * TILE;
            let columns = &scratch.columns[along.start * blocks * TERMS * TILE..][..blocks * block];
            let columns = |at: usize| &columns[at.min(blocks - 1) * block..][..block];
            for row in 0..pairs {
                if self.cancellation.is_cancelled() {
                    return;
                }
                let rows = self.rows.pair(row, &along);
                for at in 0..width {
                    prefetch(ahead.next().unwrap_or_default(), 0);
                    let square = &mut scratch.squares[if pieces == 1 { 0 } else { row * width + at }].0;
                    let met = [columns(2 * at), columns(2 * at + 1)];
                    if piece == 0 {
                        tiles.square::<ROW_TERMS, TERMS, false>(rows, met, TERMS * TILE, square, SQUARE);
                    } else {
                        tiles.square::<ROW_TERMS, TERMS, true>(rows, met, TERMS * TILE, square, SQUARE);
                    }
                    if piece + 1 == pieces {
                        let part = |from: usize, end: usize| from..end.min(from + SQUARE);
                        let columns = part(first * SIDE + at * SQUARE, self.weight.rows());
                        (self.put)(part(row * SQUARE, self.rows.n), columns, square);
                    }
                }
            }
        }
    }

    /// The bytes of the strip that likely comes next, in so many parts: memory brings them while tiles are busy.
    fn ahead(&self, parts: usize) -> std::slice::Chunks<'_, u8> {
        let end = self.weight.rows();
        let next = [self.strip.end, self.strip.end + self.strip.len()].map(|block| end.min(block * SIDE));
        let bytes = self.weight.bytes_of_rows(next[0]..next[1]);
        bytes.chunks(bytes.len().div_ceil(parts).next_multiple_of(64).max(64))
    }

    /// Tiles of one piece.
    fn along(&self, piece: usize) -> Range<usize> {
        piece * self.deep..self.rows.depth.min((piece + 1) * self.deep)
    }

    /// 16 rows of the weight, from `first` on, as block `at` of each piece of the packed columns.
    #[inline(always)]
    fn pack_columns<const TERMS: usize>(
        &self,
        first: usize,
        at: usize,
        blocks: usize,
        scratch: &mut Scratch,
    ) {
        let cols = self.weight.cols();
        let rows = first..(first + SIDE).min(self.weight.rows());
        if TERMS > 1 {
            scratch.numbers.resize(SIDE * cols, 0.0);
            for (r, numbers) in rows.clone().zip(scratch.numbers.chunks_exact_mut(cols)) {
                self.weight.row(r, numbers);
            }
        }
        for piece in 0..self.rows.depth.div_ceil(self.deep) {
            let along = self.along(piece);
            let (tile, numbers) = (TERMS * TILE, along.start * DEPTH..cols.min(along.end * DEPTH));
            let start = (along.start * blocks + at * along.len()) * tile;
            let out = &mut scratch.columns[start..][..along.len() * tile];
            if TERMS == 1 {
                let bytes = 2 * numbers.start..2 * numbers.end;
                let rows = rows.clone().map(|r| &self.weight.bytes_of_row(r)[bytes.clone()]);
                pack::columns_of_bf16(rows, &mut scratch.staging, out);
            } else {
                let rows =
                    scratch.numbers.chunks_exact(cols).take(rows.len()).map(|row| &row[numbers.clone()]);
                pack::columns_in_parts::<TERMS>(rows, &mut scratch.staging, out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strips_are_shared_evenly_and_stay_near() {
        for (blocks, most, threads, expected) in
            [(269, 32, 2, 24), (72, 32, 2, 18), (1, 32, 2, 2), (88, 16, 16, 4), (9000, 16, 2, 16)]
        {
            assert_eq!(strip(blocks, most, threads), expected, "{blocks} {most} {threads}");
        }
    }
}
