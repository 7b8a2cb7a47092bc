//! Products of formats with one scale for 32 values, in registers of 256 bits.
use std::arch::x86_64::*;

use super::{Dot, Integer, block_at, bytes16, bytes32, i32x8, or, planes, store, totals, u16_at};
use crate::blocks::{KVALUES_IQ4NL, KVALUES_MXFP4, e8m0_to_half_f32};
use crate::prefetch;

/// 32 values with one scale.
pub trait BlockFormat<const BYTES: usize>: Copy {
    /// Scale and offset as `to_f32` reads them.
    fn factors(block: &[u8; BYTES]) -> [u16; 2];
    /// The scales and offsets of eight blocks.
    fn to_f32(simd: impl Integer, factors: [[u16; 8]; 2]) -> [__m256; 2];
    fn codes(simd: impl Integer, block: &[u8; BYTES]) -> __m256i;
}

macro_rules! formats {
    ($($name:ident)*) => { $(#[derive(Clone, Copy)] #[allow(non_camel_case_types)] pub struct $name;)* };
}
formats! { Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Iq4Nl Mxfp4 }

// SAFETY (of all below): an `Integer` proves that the processor has AVX2, FMA and F16C; each `transmute` is
// between types of the same size in which every bit pattern is valid.

impl<S: Integer, const M: usize, const N: usize> Dot<'_, S, M, N> {
    #[inline(always)]
    pub fn blocks<const BYTES: usize, F: BlockFormat<BYTES>>(self, _: F) -> [[f32; N]; M] {
        let count = self.count(BYTES, 32);
        let mut out = [[unsafe { _mm256_setzero_ps() }; N]; M];
        for at in 0..count / 8 {
            self.some_blocks::<BYTES, F>(at, 8, &mut out);
        }
        if !count.is_multiple_of(8) {
            self.some_blocks::<BYTES, F>(count / 8, count % 8, &mut out);
        }
        totals(out)
    }

    /// Adds the products of `count` blocks within 256 columns.
    #[inline(always)]
    fn some_blocks<const BYTES: usize, F: BlockFormat<BYTES>>(
        &self,
        at: usize,
        count: usize,
        out: &mut [[__m256; N]; M],
    ) {
        for n in 0..N {
            let mut factors = [[0; 8]; 2];
            for index in 0..count {
                let block = block_at::<BYTES>(self.rows[n], 8 * at + index);
                prefetch(block, self.prefetch_distance);
                let [scale, offset] = F::factors(block);
                factors[0][index] = scale;
                factors[1][index] = offset;
            }
            let [scales, offsets] = F::to_f32(self.simd, factors);
            let mut factors = [[0.0; 8]; M];
            for m in 0..M {
                factors[m] = store(unsafe { _mm256_mul_ps(scales, _mm256_set1_ps(self.x[m][at].scale)) });
            }
            let factors = std::hint::black_box(&factors);
            for index in 0..count {
                let codes = F::codes(self.simd, block_at::<BYTES>(self.rows[n], 8 * at + index));
                for m in 0..M {
                    let [high, low] = planes(&self.x[m][at], index);
                    out[m][n] = unsafe {
                        let whole = _mm256_cvtepi32_ps(self.simd.dot_planes(codes, high, low));
                        _mm256_fmadd_ps(whole, _mm256_set1_ps(factors[m][index]), out[m][n])
                    };
                }
            }
            for m in 0..M {
                let x = &self.x[m][at];
                out[m][n] = unsafe {
                    let factor = _mm256_mul_ps(offsets, _mm256_set1_ps(x.scale));
                    _mm256_fnmadd_ps(_mm256_cvtepi32_ps(i32x8(x.sums)), factor, out[m][n])
                };
            }
        }
    }
}

impl BlockFormat<18> for Q4_0 {
    #[inline(always)]
    fn factors(block: &[u8; 18]) -> [u16; 2] {
        [u16_at(block, 0), 0]
    }

    #[inline(always)]
    fn to_f32(_: impl Integer, [scales, _]: [[u16; 8]; 2]) -> [__m256; 2] {
        with_zero(scales, 8.0)
    }

    #[inline(always)]
    fn codes(_: impl Integer, block: &[u8; 18]) -> __m256i {
        nibbles(bytes16(block, 2))
    }
}

impl BlockFormat<20> for Q4_1 {
    #[inline(always)]
    fn factors(block: &[u8; 20]) -> [u16; 2] {
        // With the other sign: what is stored is added.
        [u16_at(block, 0), u16_at(block, 2) ^ 0x8000]
    }

    #[inline(always)]
    fn to_f32(_: impl Integer, factors: [[u16; 8]; 2]) -> [__m256; 2] {
        [f16x8(factors[0]), f16x8(factors[1])]
    }

    #[inline(always)]
    fn codes(_: impl Integer, block: &[u8; 20]) -> __m256i {
        nibbles(bytes16(block, 4))
    }
}

impl BlockFormat<22> for Q5_0 {
    #[inline(always)]
    fn factors(block: &[u8; 22]) -> [u16; 2] {
        [u16_at(block, 0), 0]
    }

    #[inline(always)]
    fn to_f32(_: impl Integer, [scales, _]: [[u16; 8]; 2]) -> [__m256; 2] {
        with_zero(scales, 16.0)
    }

    #[inline(always)]
    fn codes(simd: impl Integer, block: &[u8; 22]) -> __m256i {
        or(nibbles(bytes16(block, 6)), simd.where_set(u32_at(block, 2), 16))
    }
}

impl BlockFormat<24> for Q5_1 {
    #[inline(always)]
    fn factors(block: &[u8; 24]) -> [u16; 2] {
        [u16_at(block, 0), u16_at(block, 2) ^ 0x8000]
    }

    #[inline(always)]
    fn to_f32(_: impl Integer, factors: [[u16; 8]; 2]) -> [__m256; 2] {
        [f16x8(factors[0]), f16x8(factors[1])]
    }

    #[inline(always)]
    fn codes(simd: impl Integer, block: &[u8; 24]) -> __m256i {
        or(nibbles(bytes16(block, 8)), simd.where_set(u32_at(block, 4), 16))
    }
}

impl BlockFormat<34> for Q8_0 {
    #[inline(always)]
    fn factors(block: &[u8; 34]) -> [u16; 2] {
        [u16_at(block, 0), 0]
    }

    #[inline(always)]
    fn to_f32(_: impl Integer, [scales, _]: [[u16; 8]; 2]) -> [__m256; 2] {
        with_zero(scales, 128.0)
    }

    #[inline(always)]
    fn codes(_: impl Integer, block: &[u8; 34]) -> __m256i {
        unsafe { _mm256_xor_si256(bytes32(block, 2), _mm256_set1_epi8(-128)) }
    }
}

impl BlockFormat<18> for Iq4Nl {
    #[inline(always)]
    fn factors(block: &[u8; 18]) -> [u16; 2] {
        [u16_at(block, 0), 0]
    }

    #[inline(always)]
    fn to_f32(_: impl Integer, [scales, _]: [[u16; 8]; 2]) -> [__m256; 2] {
        with_zero(scales, 128.0)
    }

    #[inline(always)]
    fn codes(_: impl Integer, block: &[u8; 18]) -> __m256i {
        look_up(KVALUES_IQ4NL.map(|value| value as u8 ^ 0x80), nibbles(bytes16(block, 2)))
    }
}

impl BlockFormat<17> for Mxfp4 {
    /// The exponent byte.
    #[inline(always)]
    fn factors(block: &[u8; 17]) -> [u16; 2] {
        [u16::from(block[0]), 0]
    }

    #[inline(always)]
    fn to_f32(_: impl Integer, [scales, _]: [[u16; 8]; 2]) -> [__m256; 2] {
        let mut values = [0.0f32; 8];
        for at in 0..8 {
            values[at] = e8m0_to_half_f32(scales[at] as u8);
        }
        unsafe {
            let scales = std::mem::transmute::<[f32; 8], __m256>(values);
            [scales, _mm256_mul_ps(scales, _mm256_set1_ps(12.0))]
        }
    }

    #[inline(always)]
    fn codes(_: impl Integer, block: &[u8; 17]) -> __m256i {
        look_up(KVALUES_MXFP4.map(|value| (value + 12) as u8), nibbles(bytes16(block, 1)))
    }
}

/// The low nibbles of 16 bytes, then the high ones.
#[inline(always)]
fn nibbles(bytes: __m128i) -> __m256i {
    unsafe {
        let both = _mm256_set_m128i(_mm_srli_epi16::<4>(bytes), bytes);
        _mm256_and_si256(both, _mm256_set1_epi8(15))
    }
}

#[inline(always)]
fn look_up(table: [u8; 16], codes: __m256i) -> __m256i {
    unsafe { _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(bytes16(&table, 0)), codes) }
}

#[inline(always)]
fn f16x8(halves: [u16; 8]) -> __m256 {
    unsafe { _mm256_cvtph_ps(std::mem::transmute::<[u16; 8], __m128i>(halves)) }
}

/// Scales, and scales times the code of the value 0.
#[inline(always)]
fn with_zero(scales: [u16; 8], zero: f32) -> [__m256; 2] {
    let scales = f16x8(scales);
    [scales, unsafe { _mm256_mul_ps(scales, _mm256_set1_ps(zero)) }]
}

#[inline(always)]
fn u32_at<const LEN: usize>(block: &[u8; LEN], at: usize) -> u32 {
    u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]])
}
