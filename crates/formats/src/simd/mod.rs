//! Decoding and dot products in the vector registers of x86, for the formats that most models are published
//! in. A kernel is written once for every block format and every instruction set and compiled for each pair.
//!
//! Every result has the same bits as the scalar decoder's.
mod avx2;
mod avx512;
mod block_formats;
mod bytes;
mod vector;

use avx2::Avx2;
use avx512::Avx512;
use block_formats::BlockFormat;
use vector::Simd;

use crate::{Dtype, LANES, prefetch};

/// Decodes; `false` when the format has no decoder in registers or the processor lacks AVX2.
pub fn decode(dtype: Dtype, bytes: &[u8], out: &mut [f32]) -> bool {
    run_detected(dtype, Decode { dtype, bytes, out }).is_some()
}

/// See [`crate::dequant_dot_partial`].
pub fn dequant_dot_partial<const M: usize, const N: usize>(
    dtype: Dtype,
    x: [&[f32]; M],
    rows: [&[u8]; N],
    prefetch_distance: usize,
) -> Option<[[[f32; LANES]; M]; N]> {
    run_detected(dtype, DotPartial { x, rows, prefetch_distance })
}

fn run_detected<Output>(
    dtype: Dtype,
    kernel: impl Kernel<Avx512, Output = Output> + Kernel<Avx2, Output = Output>,
) -> Option<Output> {
    match Avx512::detect() {
        Some(avx512) => avx512.dispatch(dtype, kernel),
        None => Avx2::detect()?.dispatch(dtype, kernel),
    }
}

/// Takes the decoded values of a block.
trait Consumer<S: Simd> {
    /// Values `16 * chunk..` of the block; chunks come in order.
    fn accept(&mut self, chunk: usize, values: S::F32x16);
}

/// An operation on the blocks of any format.
trait Kernel<S: Simd> {
    type Output;
    fn run<const BYTES: usize, const LEN: usize, F: BlockFormat<BYTES, LEN>>(
        self,
        simd: S,
        format: F,
    ) -> Self::Output;
}

#[inline(always)]
fn dispatch_format<S: Simd, K: Kernel<S>>(simd: S, dtype: Dtype, kernel: K) -> Option<K::Output> {
    Some(match dtype {
        Dtype::F32 => kernel.run(simd, block_formats::F32),
        Dtype::F16 => kernel.run(simd, block_formats::F16),
        Dtype::BF16 => kernel.run(simd, block_formats::Bf16),
        Dtype::Q4_0 => kernel.run(simd, block_formats::Q4_0),
        Dtype::Q4_1 => kernel.run(simd, block_formats::Q4_1),
        Dtype::Q5_0 => kernel.run(simd, block_formats::Q5_0),
        Dtype::Q5_1 => kernel.run(simd, block_formats::Q5_1),
        Dtype::Q8_0 => kernel.run(simd, block_formats::Q8_0),
        Dtype::MXFP4 => kernel.run(simd, block_formats::Mxfp4),
        Dtype::IQ4NL => kernel.run(simd, block_formats::Iq4Nl),
        Dtype::IQ4XS => kernel.run(simd, block_formats::Iq4Xs),
        Dtype::Q2K => kernel.run(simd, block_formats::Q2K),
        Dtype::Q3K => kernel.run(simd, block_formats::Q3K),
        Dtype::Q4K => kernel.run(simd, block_formats::Q4K),
        Dtype::Q5K => kernel.run(simd, block_formats::Q5K),
        Dtype::Q6K => kernel.run(simd, block_formats::Q6K),
        _ => return None,
    })
}

struct Decode<'a> {
    dtype: Dtype,
    bytes: &'a [u8],
    out: &'a mut [f32],
}

struct DecodedBlock<'a, S, const LEN: usize> {
    simd: S,
    values: &'a mut [f32; LEN],
}

impl<S: Simd> Kernel<S> for Decode<'_> {
    type Output = ();

    #[inline(always)]
    fn run<const BYTES: usize, const LEN: usize, F: BlockFormat<BYTES, LEN>>(self, simd: S, _: F) {
        let (blocks, rest) = self.bytes.as_chunks::<BYTES>();
        let (values, rest_out) = self.out.as_chunks_mut::<LEN>();
        for (block, values) in blocks.iter().zip(values) {
            F::decode(simd, block, &mut DecodedBlock { simd, values });
        }
        crate::decode_scalar(self.dtype, rest, rest_out);
    }
}

impl<S: Simd, const LEN: usize> Consumer<S> for DecodedBlock<'_, S, LEN> {
    #[inline(always)]
    fn accept(&mut self, chunk: usize, values: S::F32x16) {
        self.values.as_chunks_mut().0[chunk] = self.simd.store(values);
    }
}

struct DotPartial<'a, const M: usize, const N: usize> {
    x: [&'a [f32]; M],
    rows: [&'a [u8]; N],
    prefetch_distance: usize,
}

/// The partial sums of one weight row with each of `M` vectors.
struct RowSums<'a, S: Simd, const LEN: usize, const M: usize> {
    simd: S,
    x: [&'a [f32; LEN]; M],
    sums: [S::F32x16; M],
}

impl<S: Simd, const M: usize, const N: usize> Kernel<S> for DotPartial<'_, M, N> {
    type Output = [[[f32; LANES]; M]; N];

    #[inline(always)]
    fn run<const BYTES: usize, const LEN: usize, F: BlockFormat<BYTES, LEN>>(
        self,
        simd: S,
        _: F,
    ) -> Self::Output {
        let count = self.x.iter().map(|x| x.len() / LEN);
        let count = count.chain(self.rows.iter().map(|row| row.len() / BYTES)).min().unwrap_or(0);
        // Slices of one length let the compiler drop the bounds checks.
        let x = self.x.map(|x| &x.as_chunks::<LEN>().0[..count]);
        let rows = self.rows.map(|row| &row.as_chunks::<BYTES>().0[..count]);
        let mut sums = [[simd.zeros(); M]; N];
        for at in 0..count {
            for n in 0..N {
                let block = &rows[n][at];
                prefetch(block, self.prefetch_distance);
                // By value: the sums of a block stay in registers.
                let mut row = RowSums { simd, x: x.map(|x| &x[at]), sums: sums[n] };
                F::decode(simd, block, &mut row);
                sums[n] = row.sums;
            }
        }
        sums.map(|sums| sums.map(|sums| simd.store(sums)))
    }
}

impl<S: Simd, const LEN: usize, const M: usize> Consumer<S> for RowSums<'_, S, LEN, M> {
    #[inline(always)]
    fn accept(&mut self, chunk: usize, values: S::F32x16) {
        for m in 0..M {
            let x = self.simd.load(&self.x[m].as_chunks().0[chunk]);
            self.sums[m] = self.simd.mul_add(x, values, self.sums[m]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Random bytes and how many values they hold; for dense formats not a multiple of 16.
    fn bytes_of(dtype: Dtype) -> (Vec<u8>, usize) {
        let mut state = 1u32;
        let mut byte = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        let count = (dtype.block_len() * 40).max(256) + if dtype.block_len() == 1 { 13 } else { 0 };
        ((0..dtype.bytes_of(count).unwrap()).map(|_| byte()).collect(), count)
    }

    fn equal(dtype: Dtype, scalar: &[f32], simd: &[f32]) {
        for (at, (scalar, simd)) in scalar.iter().zip(simd).enumerate() {
            let same = scalar.to_bits() == simd.to_bits() || scalar.is_nan() && simd.is_nan();
            assert!(same, "{dtype:?} at {at}: {scalar} {simd}");
        }
    }

    fn check<S: Simd>(simd: S) {
        for &dtype in Dtype::ALL {
            let (bytes, count) = bytes_of(dtype);
            let mut scalar = vec![0.0f32; count];
            crate::decode_scalar(dtype, &bytes, &mut scalar);
            let mut out = vec![0.0f32; count];
            let Some(()) = simd.dispatch(dtype, Decode { dtype, bytes: &bytes, out: &mut out }) else {
                continue;
            };
            equal(dtype, &scalar, &out);

            let x: [Vec<f32>; 2] =
                [3, 5].map(|step| (0..count).map(|at| (at * step % 17) as f32 - 8.0).collect());
            let kernel = DotPartial {
                x: x.each_ref().map(Vec::as_slice),
                rows: [&bytes[..]; 2],
                prefetch_distance: 64,
            };
            let sums = simd.dispatch(dtype, kernel).expect("what is decoded is multiplied");
            for (x, sums) in x.iter().zip(&sums[1]) {
                let mut expected = [0.0f32; LANES];
                for (x, row) in x.as_chunks::<LANES>().0.iter().zip(scalar.as_chunks::<LANES>().0) {
                    for lane in 0..LANES {
                        expected[lane] = x[lane].mul_add(row[lane], expected[lane]);
                    }
                }
                equal(dtype, &expected, sums);
            }
        }
    }

    #[test]
    fn simd_and_scalar_give_the_same_bits() {
        if let Some(avx2) = Avx2::detect() {
            check(avx2);
        }
        if let Some(avx512) = Avx512::detect() {
            check(avx512);
        }
    }
}
