//! `y = x W^T + b` for the many rows of a picture, which are always seen together: unlike `linear`, the order of additions is
//! whatever is fastest here. On AMX numbers that bf16 does not hold keep 16 of their bits; elsewhere all is f32.
use candle_core::{Result, bail};
use rayon::prelude::*;

use crate::Linear;
use crate::lanes::{exp, in_widest};
use crate::slices::{tensor, with_slice};

/// What becomes of a product and its bias.
#[derive(Debug, Clone, Copy)]
pub enum Then<'a> {
    Nothing,
    /// The gelu that is made with tanh.
    Gelu,
    /// These numbers are added to it, as many as come out.
    Add(&'a [f32]),
}

impl Linear {
    /// `x` [n, cols] -> [n, rows], of a weight in the processor's memory.
    ///
    /// # Errors
    /// When `x` is not whole rows, what is added is of another size, or the weight lies on a device.
    pub fn many(&self, x: &[f32], then: Then) -> Result<Vec<f32>> {
        let (weight, cols) = (self.weight(), self.weight().cols());
        if !weight.is_plain() || !x.len().is_multiple_of(cols) {
            bail!("{} numbers meet a weight {cols} wide", x.len());
        }
        let n = x.len() / cols;
        if let Then::Add(more) = then
            && more.len() != n * weight.rows()
        {
            bail!("{} numbers are added to {n} rows of {}", more.len(), weight.rows());
        }
        match self.bias() {
            Some(bias) => with_slice(bias, |bias| self.product(x, n, bias, then)),
            None => self.product(x, n, &vec![0.0; weight.rows()], then),
        }
    }

    fn product(&self, x: &[f32], n: usize, bias: &[f32], then: Then) -> Result<Vec<f32>> {
        #[cfg(target_arch = "x86_64")]
        if n > 0 && crate::amx::available() {
            return Ok(on_tiles::product(self.weight(), x, bias, then));
        }
        self.product_in_tensors(x, n, bias, then)
    }

    /// What any processor can.
    fn product_in_tensors(&self, x: &[f32], n: usize, bias: &[f32], then: Then) -> Result<Vec<f32>> {
        let (rows, cols) = (self.weight().rows(), self.weight().cols());
        let x = tensor(x.to_vec(), (n, cols))?;
        let mut y: Vec<f32> = self.weight().matmul_in_tensors(&x)?.flatten_all()?.to_vec1()?;
        y.par_chunks_exact_mut(rows).with_min_len(8).enumerate().for_each(|(at, y)| {
            let more = if let Then::Add(more) = then { &more[at * rows..][..rows] } else { &[] };
            finish_row(y, bias, more, matches!(then, Then::Gelu));
        });
        Ok(y)
    }
}

in_widest! {
    fn finish_row(y: &mut [f32], bias: &[f32], more: &[f32], gelu: bool) = finish
}

/// Bias, then gelu, or `more` where there is any.
#[inline(always)]
fn finish(y: &mut [f32], bias: &[f32], more: &[f32], gelu: bool) {
    y.iter_mut().zip(bias).for_each(|(y, bias)| *y += bias);
    if gelu {
        y.iter_mut().for_each(|y| *y = self::gelu(*y));
    }
    y.iter_mut().zip(more).for_each(|(y, more)| *y += more);
}

/// `x / 2 * (1 + tanh(u))` is `x / (1 + e^(-2u))`.
#[inline(always)]
fn gelu(x: f32) -> f32 {
    const TWICE_ROOT: f32 = 1.595_769; // 2 sqrt(2 / pi)
    x / (1.0 + exp(-TWICE_ROOT * (x + 0.044_715 * x * x * x)))
}

#[cfg(target_arch = "x86_64")]
mod on_tiles {
    use std::cell::Cell;

    use formats::Dtype;
    use rayon::prelude::*;

    use super::{Then, finish};
    use crate::Weight;
    use crate::amx::{Packed, SIDE, SQUARE, Square, TILE, Tiles, pack};

    /// Blocks of 16 columns that are packed together, and met by all rows of a task while they are near.
    const STRIP: usize = 8;
    /// Blocks of 16 rows of one task at most.
    const RUN: usize = 24;

    /// Where several threads write, each its own squares.
    struct Out(*mut f32);
    // SAFETY: see `Task::square`.
    unsafe impl Sync for Out {}

    struct Task<'a> {
        weight: &'a Weight,
        /// [blocks of rows, depth, 2, 16, 32]
        x: &'a [u16],
        n: usize,
        bias: &'a [f32],
        then: Then<'a>,
        out: Out,
    }

    #[derive(Default)]
    struct Scratch {
        columns: Packed,
        staging: Packed,
        numbers: Vec<f32>,
    }

    thread_local! {
        /// Packed rows of the product before: to get megabytes of zeros anew for each takes as long as to multiply.
        static ROOM: Cell<Packed> = Cell::default();
    }

    pub fn product(weight: &Weight, x: &[f32], bias: &[f32], then: Then) -> Vec<f32> {
        let (rows, cols) = (weight.rows(), weight.cols());
        let n = x.len() / cols;
        let block = pack::depth_of(cols) * 2 * TILE;
        // Squares are two blocks high.
        let blocks = n.div_ceil(SQUARE) * 2;
        let mut packed = ROOM.take();
        packed.resize(blocks * block);
        packed.par_chunks_exact_mut(block).zip(x.par_chunks(SIDE * cols)).for_each(|(out, x)| {
            // SAFETY: AMX comes with AVX-512 (`available`).
            unsafe { pack_rows(x, cols, out) };
        });
        let mut y = vec![0.0f32; n * rows];
        let task = Task { weight, x: &packed, n, bias, then, out: Out(y.as_mut_ptr()) };
        let (strips, runs) = (rows.div_ceil(STRIP * SIDE), blocks.div_ceil(RUN));
        (0..strips * runs).into_par_iter().with_max_len(1).for_each_init(Scratch::default, |scratch, at| {
            let (strip, run) = (at / runs, at % runs);
            // SAFETY: as above; no two tasks have the same strip and run.
            unsafe {
                if weight.dtype() == Dtype::BF16 {
                    task.run::<1>(strip, run, scratch);
                } else {
                    task.run::<2>(strip, run, scratch);
                }
            }
        });
        ROOM.set(packed);
        y
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
    fn pack_rows(x: &[f32], cols: usize, out: &mut [u16]) {
        for (r, x) in x.chunks_exact(cols).enumerate() {
            pack::row(x, 1.0, r, out);
        }
    }

    impl Task<'_> {
        /// One strip of columns for one run of rows.
        ///
        /// # Safety
        /// Only one thread may have this strip and run.
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
        unsafe fn run<const TERMS: usize>(&self, strip: usize, run: usize, scratch: &mut Scratch) {
            let depth = pack::depth_of(self.weight.cols());
            let (first, block) = (strip * STRIP * SIDE, depth * TERMS * TILE);
            let count = (self.weight.rows() - first).min(STRIP * SIDE);
            let blocks = count.div_ceil(SIDE);
            scratch.columns.resize(blocks * block);
            for at in 0..blocks {
                let from = first + at * SIDE;
                let rows = from..(from + SIDE).min(self.weight.rows());
                self.pack_columns::<TERMS>(rows, at * block, block, scratch);
            }
            let columns = |at: usize| &scratch.columns[at.min(blocks - 1) * block..][..block];
            let tall = depth * 2 * TILE;
            let rows = |at: usize| &self.x[at * tall..][..tall];
            let tiles = Tiles::new();
            let mut square = Square::new();
            let end = ((run + 1) * RUN).min(self.x.len() / tall);
            for row in (run * RUN..end).step_by(2) {
                for at in (0..blocks).step_by(2) {
                    tiles.square::<2, TERMS>(
                        [rows(row), rows(row + 1)],
                        [columns(at), columns(at + 1)],
                        &mut square.0,
                        SQUARE,
                    );
                    // SAFETY: the caller's.
                    unsafe { self.put(row * SIDE, first + at * SIDE, &mut square.0) };
                }
            }
        }

        /// Rows of the weight as columns, at `at` of the scratch.
        #[inline(always)]
        fn pack_columns<const TERMS: usize>(
            &self,
            rows: std::ops::Range<usize>,
            at: usize,
            block: usize,
            scratch: &mut Scratch,
        ) {
            let out = &mut scratch.columns[at..][..block];
            if TERMS == 1 {
                let bytes = rows.map(|r| self.weight.bytes_of_row(r));
                pack::columns_of_bf16(bytes, &mut scratch.staging, out);
                return;
            }
            let cols = self.weight.cols();
            scratch.numbers.resize(SIDE * cols, 0.0);
            for (r, numbers) in rows.clone().zip(scratch.numbers.chunks_exact_mut(cols)) {
                self.weight.row(r, numbers);
            }
            let numbers = scratch.numbers.chunks_exact(cols).take(rows.len());
            pack::columns_in_parts(numbers, &mut scratch.staging, out);
        }

        /// # Safety
        /// Nobody else writes the rows and columns of this square.
        #[inline(always)]
        unsafe fn put(&self, row: usize, column: usize, square: &mut [f32; SQUARE * SQUARE]) {
            let width = self.weight.rows();
            let count = (width - column).min(SQUARE);
            let (bias, gelu) = (&self.bias[column..][..count], matches!(self.then, Then::Gelu));
            for (row, line) in (row..self.n).zip(square.chunks_exact_mut(SQUARE)) {
                let at = row * width + column;
                let more = if let Then::Add(more) = self.then { &more[at..][..count] } else { &[] };
                let line = &mut line[..count];
                finish(line, bias, more, gelu);
                // SAFETY: it lies in `y`, which has `n` rows of `width`, and is this caller's alone.
                unsafe { std::slice::from_raw_parts_mut(self.out.0.add(at), count) }.copy_from_slice(line);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use candle_core::Device;
    use formats::Dtype;

    use super::*;
    use crate::Weight;
    use crate::testing::{close, numbers};

    fn linear(dtype: Dtype, rows: usize, cols: usize) -> Linear {
        let mut bytes = Vec::new();
        numbers(rows * cols, 1).chunks_exact(cols).for_each(|row| formats::encode(dtype, row, &mut bytes));
        let weight = Weight::new(rows, cols, dtype, Arc::new(bytes), None, &Device::Cpu).expect("it fits");
        Linear::new(weight, Some(numbers(rows, 2))).expect("it fits")
    }

    #[test]
    fn both_forms_equal_the_reference() {
        for (dtype, rows, cols, n) in [
            (Dtype::BF16, 300, 588, 50),
            (Dtype::BF16, 40, 1250, 35),
            (Dtype::F32, 20, 1170, 3),
            (Dtype::BF16, 17, 33, 1),
            (Dtype::F32, 130, 70, 33),
            (Dtype::F16, 16, 32, 32),
            (Dtype::Q8_0, 257, 64, 500),
        ] {
            let (linear, x) = (linear(dtype, rows, cols), numbers(n * cols, 3));
            let more = numbers(n * rows, 4);
            let plain: Vec<f32> = linear.weight().matmul_reference(&x);
            let bias = numbers(rows, 2);
            let biased: Vec<f32> = plain.iter().zip(bias.iter().cycle()).map(|(y, b)| y + b).collect();
            let slow_gelu = |x: &f32| {
                let x = f64::from(*x);
                let u = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x);
                (0.5 * x * (1.0 + u.tanh())) as f32
            };
            let gelu: Vec<f32> = biased.iter().map(slow_gelu).collect();
            let added: Vec<f32> = biased.iter().zip(&more).map(|(y, more)| y + more).collect();
            // Sums of `cols` products of numbers below a half, of which 16 bits are kept.
            let near = 2f32.powi(-17) * (cols as f32).sqrt();
            for (then, slow) in [(Then::Nothing, biased), (Then::Gelu, gelu), (Then::Add(&more), added)] {
                close(&linear.many(&x, then).expect("it fits"), &slow, near);
                close(&linear.product_in_tensors(&x, n, &bias, then).expect("it fits"), &slow, near);
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let linear = linear(Dtype::BF16, 5, 7);
        assert!(linear.many(&[0.0; 8], Then::Nothing).is_err());
        assert!(linear.many(&[0.0; 14], Then::Add(&[0.0; 9])).is_err());
        assert_eq!(linear.many(&[], Then::Nothing).expect("no rows"), [0.0f32; 0]);
    }
}
