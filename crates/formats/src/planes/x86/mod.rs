//! Products in whole numbers with AVX2, and with AVX-512 VNNI. Both do the same sums; the bits are those of
//! `scalar`.
pub(crate) mod blocks;
mod super_blocks;
pub(crate) mod super_formats;

use std::arch::x86_64::*;

pub(crate) use blocks::BlockFormat;
pub(crate) use super_formats::SuperFormat;

use super::{PlaneBlock, SUMS, WIDE, blocks_of, total};
use crate::{Dtype, Isa};

/// What differs between the instruction sets. A value proves that the processor has the instructions.
pub trait Integer: Copy {
    /// Whether the processor has AVX-512 VNNI.
    const VNNI: bool;

    /// Sums of four products each of any u8: 256 times those with `high` plus those with `low`.
    fn dot_planes(self, codes: __m256i, high: __m256i, low: __m256i) -> __m256i;
    /// `byte` where the bit is set, zeros elsewhere.
    fn where_set(self, bits: u32, byte: u8) -> __m256i;
}

/// Proof of AVX2 and FMA.
#[derive(Clone, Copy)]
pub struct Avx2(());

impl Avx2 {
    /// # Safety
    /// The processor has AVX2, FMA and F16C.
    pub(crate) unsafe fn new() -> Self {
        Self(())
    }
}

/// Proof of VNNI and AVX-512 besides.
#[derive(Clone, Copy)]
pub struct Vnni(());

// SAFETY (of all below): `self` proves that the processor has the instructions.
impl Integer for Avx2 {
    const VNNI: bool = false;

    /// In i16 and i32: sums of two products of bytes can overflow an i16.
    #[inline(always)]
    fn dot_planes(self, codes: __m256i, high: __m256i, low: __m256i) -> __m256i {
        unsafe {
            let (even, odd) =
                (_mm256_and_si256(codes, _mm256_set1_epi16(255)), _mm256_srli_epi16::<8>(codes));
            // An i16 of both planes: the high byte of one and, sign and all, the low byte of the other.
            let even_low = _mm256_srai_epi16::<8>(_mm256_slli_epi16::<8>(low));
            let even_x = _mm256_add_epi16(_mm256_slli_epi16::<8>(high), even_low);
            let odd_high = _mm256_andnot_si256(_mm256_set1_epi16(255), high);
            let odd_x = _mm256_add_epi16(odd_high, _mm256_srai_epi16::<8>(low));
            _mm256_add_epi32(_mm256_madd_epi16(even, even_x), _mm256_madd_epi16(odd, odd_x))
        }
    }

    #[inline(always)]
    fn where_set(self, bits: u32, byte: u8) -> __m256i {
        unsafe {
            let byte_of_lane =
                _mm256_set_epi64x(0x0303_0303_0303_0303, 0x0202_0202_0202_0202, 0x0101_0101_0101_0101, 0);
            let bit_of_lane = _mm256_set1_epi64x(i64::from_le_bytes([1, 2, 4, 8, 16, 32, 64, 128]));
            let spread = _mm256_shuffle_epi8(_mm256_set1_epi32(bits as i32), byte_of_lane);
            let set = _mm256_cmpeq_epi8(_mm256_and_si256(spread, bit_of_lane), bit_of_lane);
            _mm256_and_si256(set, _mm256_set1_epi8(byte as i8))
        }
    }
}

impl Integer for Vnni {
    const VNNI: bool = true;

    #[inline(always)]
    fn dot_planes(self, codes: __m256i, high: __m256i, low: __m256i) -> __m256i {
        unsafe {
            let high = _mm256_dpbusd_epi32(_mm256_setzero_si256(), codes, high);
            _mm256_dpbusd_epi32(_mm256_slli_epi32::<8>(high), codes, low)
        }
    }

    #[inline(always)]
    fn where_set(self, bits: u32, byte: u8) -> __m256i {
        unsafe { _mm256_maskz_set1_epi8(bits, byte as i8) }
    }
}

/// The planes of a row, compiled for AVX2; `None` without.
pub fn blocks_of_row(x: &[f32]) -> Option<Vec<PlaneBlock>> {
    #[target_feature(enable = "avx2")]
    fn with_features(x: &[f32]) -> Vec<PlaneBlock> {
        blocks_of(x)
    }
    // SAFETY: AVX2 was detected.
    (Isa::detect() >= Isa::Avx2).then(|| unsafe { with_features(x) })
}

/// See [`super::planes_dot`].
///
/// # Safety
/// The processor has VNNI, AVX-512 with VL and BW, AVX2, FMA and F16C.
#[target_feature(enable = "avx512vnni,avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")]
pub unsafe fn dot_vnni<const M: usize, const N: usize>(
    dtype: Dtype,
    x: [&[PlaneBlock]; M],
    rows: [&[u8]; N],
    prefetch_distance: usize,
) -> [[f32; N]; M] {
    Dot { simd: Vnni(()), x, rows, prefetch_distance }.run(dtype)
}

/// See [`super::planes_dot`].
///
/// # Safety
/// The processor has AVX2, FMA and F16C.
#[target_feature(enable = "avx2,fma,f16c")]
pub unsafe fn dot_avx2<const M: usize, const N: usize>(
    dtype: Dtype,
    x: [&[PlaneBlock]; M],
    rows: [&[u8]; N],
    prefetch_distance: usize,
) -> [[f32; N]; M] {
    Dot { simd: Avx2(()), x, rows, prefetch_distance }.run(dtype)
}

struct Dot<'a, S, const M: usize, const N: usize> {
    simd: S,
    x: [&'a [PlaneBlock]; M],
    rows: [&'a [u8]; N],
    prefetch_distance: usize,
}

impl<S: Integer, const M: usize, const N: usize> Dot<'_, S, M, N> {
    #[inline(always)]
    fn run(self, dtype: Dtype) -> [[f32; N]; M] {
        match dtype {
            Dtype::Q4_0 => self.blocks(blocks::Q4_0),
            Dtype::Q4_1 => self.blocks(blocks::Q4_1),
            Dtype::Q5_0 => self.blocks(blocks::Q5_0),
            Dtype::Q5_1 => self.blocks(blocks::Q5_1),
            Dtype::Q8_0 => self.blocks(blocks::Q8_0),
            Dtype::IQ4NL => self.blocks(blocks::Iq4Nl),
            Dtype::MXFP4 => self.blocks(blocks::Mxfp4),
            Dtype::Q2K => self.super_blocks(super_formats::Q2K),
            Dtype::Q3K => self.super_blocks(super_formats::Q3K),
            Dtype::Q4K => self.super_blocks(super_formats::Q4K),
            Dtype::Q5K => self.super_blocks(super_formats::Q5K),
            Dtype::Q6K => self.super_blocks(super_formats::Q6K),
            other => panic!("rows of {} are not multiplied in whole numbers", other.name()),
        }
    }

    /// The shortest row, in blocks of `bytes` that have `len` values.
    #[inline(always)]
    fn count(&self, bytes: usize, len: usize) -> usize {
        let mut count = usize::MAX;
        for x in self.x {
            count = count.min(x.len() * (WIDE / len));
        }
        for row in self.rows {
            count = count.min(row.len() / bytes);
        }
        count
    }
}

/// The high and the low plane of columns `32 * at` and on.
#[inline(always)]
fn planes(x: &PlaneBlock, at: usize) -> [__m256i; 2] {
    let (high, low) = (x.high.as_chunks::<32>().0[at], x.low.as_chunks::<32>().0[at]);
    // SAFETY: both are 32 bytes, and every bit pattern is valid in both.
    unsafe { [std::mem::transmute::<[i8; 32], __m256i>(high), std::mem::transmute::<[i8; 32], __m256i>(low)] }
}

/// The high and the low plane of columns `64 * at` and on.
#[inline(always)]
fn wide_planes(x: &PlaneBlock, at: usize) -> [__m512i; 2] {
    let (high, low) = (x.high.as_chunks::<64>().0[at], x.low.as_chunks::<64>().0[at]);
    // SAFETY: both are 64 bytes, and every bit pattern is valid in both.
    unsafe { [std::mem::transmute::<[i8; 64], __m512i>(high), std::mem::transmute::<[i8; 64], __m512i>(low)] }
}

/// Sums of four products each of any u8: 256 times those with `high` plus those with `low`.
///
/// # Safety
/// The processor has AVX-512 VNNI.
#[inline(always)]
unsafe fn wide_dot_planes(codes: __m512i, high: __m512i, low: __m512i) -> __m512i {
    unsafe {
        let high = _mm512_dpbusd_epi32(_mm512_setzero_si512(), codes, high);
        _mm512_dpbusd_epi32(_mm512_slli_epi32::<8>(high), codes, low)
    }
}

#[inline(always)]
fn i32x8(values: [i32; 8]) -> __m256i {
    // SAFETY: both are 32 bytes, and every bit pattern is valid in both.
    unsafe { std::mem::transmute::<[i32; 8], __m256i>(values) }
}

#[inline(always)]
fn store(values: __m256) -> [f32; SUMS] {
    // SAFETY: as above.
    unsafe { std::mem::transmute::<__m256, [f32; SUMS]>(values) }
}

#[inline(always)]
fn totals<const M: usize, const N: usize>(sums: [[__m256; N]; M]) -> [[f32; N]; M] {
    let mut out = [[0.0; N]; M];
    for m in 0..M {
        for n in 0..N {
            out[m][n] = total(store(sums[m][n]));
        }
    }
    out
}

#[inline(always)]
fn bytes16<const LEN: usize>(block: &[u8; LEN], at: usize) -> __m128i {
    let bytes = block[at..].first_chunk().expect("a format knows the size of its block");
    unsafe { std::mem::transmute::<[u8; 16], __m128i>(*bytes) }
}

#[inline(always)]
fn bytes32<const LEN: usize>(block: &[u8; LEN], at: usize) -> __m256i {
    let bytes = block[at..].first_chunk().expect("a format knows the size of its block");
    unsafe { std::mem::transmute::<[u8; 32], __m256i>(*bytes) }
}

#[inline(always)]
fn or(a: __m256i, b: __m256i) -> __m256i {
    unsafe { _mm256_or_si256(a, b) }
}

#[inline(always)]
fn u16_at<const LEN: usize>(block: &[u8; LEN], at: usize) -> u16 {
    u16::from_le_bytes([block[at], block[at + 1]])
}
