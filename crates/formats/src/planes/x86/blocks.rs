//! Products of formats with one scale for 32 values, in registers of 256 bits.
//! AVX2 and AVX-512 VNNI give the bits of the scalar definition.
use std::arch::x86_64::*;

use super::{
    Dot, Integer, bytes16, bytes32, i32x8, or, planes, store, totals, u16_at, wide_dot_planes, wide_planes,
};
use crate::blocks::{KVALUES_IQ4NL, KVALUES_MXFP4, e8m0_to_half_f32};
use crate::prefetch;

/// The values of the codes, plus 128.
static CODES_IQ4NL: [u8; 16] = plus(&KVALUES_IQ4NL, 128);
/// The values of the codes, plus 12.
static CODES_MXFP4: [u8; 16] = plus(&KVALUES_MXFP4, 12);

const fn plus(values: &[i8; 16], zero: u8) -> [u8; 16] {
    let (mut codes, mut at) = ([0; 16], 0);
    while at < 16 {
        codes[at] = zero.wrapping_add(values[at] as u8);
        at += 1;
    }
    codes
}

/// 32 values with one scale.
pub trait BlockFormat<const BYTES: usize>: Copy {
    /// As in `SuperFormat`.
    const ZERO: i16;

    /// Scale and offset as `to_f32` reads them.
    fn factors(block: &[u8; BYTES]) -> [u16; 2];
    /// The scales and offsets of eight blocks.
    fn to_f32(simd: impl Integer, factors: [[u16; 8]; 2]) -> [__m256; 2];
    fn codes(simd: impl Integer, block: &[u8; BYTES]) -> __m256i;
    /// The codes of two blocks, with AVX-512.
    fn wide_codes(blocks: [&[u8; BYTES]; 2]) -> __m512i;
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
        let mut sums = [[unsafe { [_mm256_setzero_ps(); 2] }; N]; M];
        let mut wide_sums = [[unsafe { _mm512_setzero_ps() }; N]; M];
        for at in 0..count.div_ceil(8) {
            for n in 0..N {
                let rest = &self.rows[n].as_chunks::<BYTES>().0[8 * at..count];
                // What is missing of the last eight is zero, as its activations are.
                let mut padded = [[0; BYTES]; 8];
                let eight = match rest.first_chunk::<8>() {
                    Some(eight) => eight,
                    None => {
                        padded[..rest.len()].copy_from_slice(rest);
                        &padded
                    }
                };
                let mut factors = [[0; 8]; 2];
                for index in 0..8 {
                    prefetch(&eight[index], self.prefetch_distance);
                    let [scale, offset] = F::factors(&eight[index]);
                    factors[0][index] = scale;
                    factors[1][index] = offset;
                }
                let factors = F::to_f32(self.simd, factors);
                if S::VNNI {
                    self.wide_eight::<BYTES, F>(at, n, eight, factors, &mut wide_sums);
                } else {
                    self.eight::<BYTES, F>(at, n, eight, factors, &mut sums);
                }
            }
        }
        for m in 0..M {
            for n in 0..N {
                if S::VNNI {
                    let wide = wide_sums[m][n];
                    sums[m][n] = unsafe { [_mm512_castps512_ps256(wide), _mm512_extractf32x8_ps::<1>(wide)] };
                }
            }
        }
        let mut out = [[unsafe { _mm256_setzero_ps() }; N]; M];
        for m in 0..M {
            for n in 0..N {
                out[m][n] = unsafe { _mm256_add_ps(sums[m][n][0], sums[m][n][1]) };
            }
        }
        totals(out)
    }

    /// Adds the products of eight blocks of row `n`: those of every second block to another sum.
    #[inline(always)]
    fn eight<const BYTES: usize, F: BlockFormat<BYTES>>(
        &self,
        at: usize,
        n: usize,
        blocks: &[[u8; BYTES]; 8],
        [scales, offsets]: [__m256; 2],
        sums: &mut [[[__m256; 2]; N]; M],
    ) {
        let mut factors = [[0.0; 8]; M];
        for m in 0..M {
            factors[m] = store(unsafe { _mm256_mul_ps(scales, _mm256_set1_ps(self.x[m][at].scale)) });
        }
        // A broadcast load is free, while the compiler, which sees the store, would shuffle registers.
        let factors = std::hint::black_box(&factors);
        for index in 0..8 {
            let codes = F::codes(self.simd, &blocks[index]);
            for m in 0..M {
                let [high, low] = planes(&self.x[m][at], index);
                let sum = &mut sums[m][n][index % 2];
                *sum = unsafe {
                    let whole = _mm256_cvtepi32_ps(self.simd.dot_planes(codes, high, low));
                    _mm256_fmadd_ps(whole, _mm256_set1_ps(factors[m][index]), *sum)
                };
            }
        }
        for m in 0..M {
            let x = &self.x[m][at];
            let sum = &mut sums[m][n][0];
            *sum = unsafe {
                let factor = _mm256_mul_ps(offsets, _mm256_set1_ps(x.scale));
                _mm256_fnmadd_ps(_mm256_cvtepi32_ps(i32x8(x.sums)), factor, *sum)
            };
        }
    }

    /// `eight` with AVX-512, two blocks at a time.
    #[inline(always)]
    fn wide_eight<const BYTES: usize, F: BlockFormat<BYTES>>(
        &self,
        at: usize,
        n: usize,
        blocks: &[[u8; BYTES]; 8],
        [scales, offsets]: [__m256; 2],
        sums: &mut [[__m512; N]; M],
    ) {
        unsafe {
            for pair in 0..4 {
                let codes = F::wide_codes([&blocks[2 * pair], &blocks[2 * pair + 1]]);
                for m in 0..M {
                    let [high, low] = wide_planes(&self.x[m][at], pair);
                    let whole = _mm512_cvtepi32_ps(wide_dot_planes(codes, high, low));
                    let factors = _mm256_mul_ps(scales, _mm256_set1_ps(self.x[m][at].scale));
                    let (first, second) = (2 * pair as i64, 2 * pair as i64 + 1);
                    let (first, second) = (first | first << 32, second | second << 32);
                    let places = _mm512_set_epi64(second, second, second, second, first, first, first, first);
                    let factors = _mm512_permutexvar_ps(places, _mm512_castps256_ps512(factors));
                    sums[m][n] = _mm512_fmadd_ps(whole, factors, sums[m][n]);
                }
            }
            for m in 0..M {
                let x = &self.x[m][at];
                let factor = _mm512_zextps256_ps512(_mm256_mul_ps(offsets, _mm256_set1_ps(x.scale)));
                let whole = _mm512_zextps256_ps512(_mm256_cvtepi32_ps(i32x8(x.sums)));
                sums[m][n] = _mm512_fnmadd_ps(whole, factor, sums[m][n]);
            }
        }
    }
}

impl BlockFormat<18> for Q4_0 {
    const ZERO: i16 = 8;

    #[inline(always)]
    fn factors(block: &[u8; 18]) -> [u16; 2] {
        [u16_at(block, 0), 0]
    }

    #[inline(always)]
    fn to_f32(_: impl Integer, [scales, _]: [[u16; 8]; 2]) -> [__m256; 2] {
        with_zero(scales, Self::ZERO.into())
    }

    #[inline(always)]
    fn codes(_: impl Integer, block: &[u8; 18]) -> __m256i {
        nibbles(bytes16(block, 2))
    }

    #[inline(always)]
    fn wide_codes(blocks: [&[u8; 18]; 2]) -> __m512i {
        wide_nibbles(blocks, 2)
    }
}

impl BlockFormat<20> for Q4_1 {
    const ZERO: i16 = 0;

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

    #[inline(always)]
    fn wide_codes(blocks: [&[u8; 20]; 2]) -> __m512i {
        wide_nibbles(blocks, 4)
    }
}

impl BlockFormat<22> for Q5_0 {
    const ZERO: i16 = 16;

    #[inline(always)]
    fn factors(block: &[u8; 22]) -> [u16; 2] {
        [u16_at(block, 0), 0]
    }

    #[inline(always)]
    fn to_f32(_: impl Integer, [scales, _]: [[u16; 8]; 2]) -> [__m256; 2] {
        with_zero(scales, Self::ZERO.into())
    }

    #[inline(always)]
    fn codes(simd: impl Integer, block: &[u8; 22]) -> __m256i {
        or(nibbles(bytes16(block, 6)), simd.where_set(u32_at(block, 2), 16))
    }

    #[inline(always)]
    fn wide_codes(blocks: [&[u8; 22]; 2]) -> __m512i {
        with_fifth_bits(wide_nibbles(blocks, 6), blocks, 2)
    }
}

impl BlockFormat<24> for Q5_1 {
    const ZERO: i16 = 0;

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

    #[inline(always)]
    fn wide_codes(blocks: [&[u8; 24]; 2]) -> __m512i {
        with_fifth_bits(wide_nibbles(blocks, 8), blocks, 4)
    }
}

impl BlockFormat<34> for Q8_0 {
    const ZERO: i16 = 128;

    #[inline(always)]
    fn factors(block: &[u8; 34]) -> [u16; 2] {
        [u16_at(block, 0), 0]
    }

    #[inline(always)]
    fn to_f32(_: impl Integer, [scales, _]: [[u16; 8]; 2]) -> [__m256; 2] {
        with_zero(scales, Self::ZERO.into())
    }

    #[inline(always)]
    fn codes(_: impl Integer, block: &[u8; 34]) -> __m256i {
        unsafe { _mm256_xor_si256(bytes32(block, 2), _mm256_set1_epi8(-128)) }
    }

    #[inline(always)]
    fn wide_codes(blocks: [&[u8; 34]; 2]) -> __m512i {
        let [first, second] = [bytes32(blocks[0], 2), bytes32(blocks[1], 2)];
        unsafe {
            let both = _mm512_inserti64x4::<1>(_mm512_castsi256_si512(first), second);
            _mm512_xor_si512(both, _mm512_set1_epi8(-128))
        }
    }
}

impl BlockFormat<18> for Iq4Nl {
    const ZERO: i16 = 128;

    #[inline(always)]
    fn factors(block: &[u8; 18]) -> [u16; 2] {
        [u16_at(block, 0), 0]
    }

    #[inline(always)]
    fn to_f32(_: impl Integer, [scales, _]: [[u16; 8]; 2]) -> [__m256; 2] {
        with_zero(scales, Self::ZERO.into())
    }

    #[inline(always)]
    fn codes(_: impl Integer, block: &[u8; 18]) -> __m256i {
        look_up(&CODES_IQ4NL, nibbles(bytes16(block, 2)))
    }

    #[inline(always)]
    fn wide_codes(blocks: [&[u8; 18]; 2]) -> __m512i {
        wide_look_up(&CODES_IQ4NL, wide_nibbles(blocks, 2))
    }
}

impl BlockFormat<17> for Mxfp4 {
    const ZERO: i16 = 12;

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
            [scales, _mm256_mul_ps(scales, _mm256_set1_ps(Self::ZERO.into()))]
        }
    }

    #[inline(always)]
    fn codes(_: impl Integer, block: &[u8; 17]) -> __m256i {
        look_up(&CODES_MXFP4, nibbles(bytes16(block, 1)))
    }

    #[inline(always)]
    fn wide_codes(blocks: [&[u8; 17]; 2]) -> __m512i {
        wide_look_up(&CODES_MXFP4, wide_nibbles(blocks, 1))
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

/// The nibbles of 16 bytes of each of two blocks, from `at` on.
#[inline(always)]
fn wide_nibbles<const LEN: usize>(blocks: [&[u8; LEN]; 2], at: usize) -> __m512i {
    unsafe {
        let bytes = _mm256_set_m128i(bytes16(blocks[1], at), bytes16(blocks[0], at));
        let places = _mm512_set_epi64(3, 2, 3, 2, 1, 0, 1, 0);
        let twice = _mm512_permutexvar_epi64(places, _mm512_castsi256_si512(bytes));
        let turns = _mm512_set_epi32(28, 28, 28, 28, 0, 0, 0, 0, 28, 28, 28, 28, 0, 0, 0, 0);
        _mm512_and_si512(_mm512_rolv_epi32(twice, turns), _mm512_set1_epi8(15))
    }
}

#[inline(always)]
fn with_fifth_bits<const LEN: usize>(codes: __m512i, blocks: [&[u8; LEN]; 2], at: usize) -> __m512i {
    let bits = u64::from(u32_at(blocks[0], at)) | u64::from(u32_at(blocks[1], at)) << 32;
    unsafe { _mm512_or_si512(codes, _mm512_maskz_set1_epi8(bits, 16)) }
}

#[inline(always)]
fn wide_look_up(table: &[u8; 16], codes: __m512i) -> __m512i {
    unsafe { _mm512_shuffle_epi8(_mm512_broadcast_i32x4(bytes16(table, 0)), codes) }
}

#[inline(always)]
fn look_up(table: &[u8; 16], codes: __m256i) -> __m256i {
    unsafe { _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(bytes16(table, 0)), codes) }
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
