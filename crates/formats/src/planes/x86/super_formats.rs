//! How the formats of 256 values with whole scales become codes of unsigned bytes, in registers of 256 and of
//! 512 bits. Knows no activations.
use std::arch::x86_64::*;

use super::{bytes16, bytes32, or, u16_at};
use crate::superblocks::q3_k_scales;

/// 256 values in sub-blocks of 16 or 32 with whole scales.
pub trait SuperFormat<const BYTES: usize>: Copy {
    const SUB_BLOCK: usize;
    /// The code of the value 0, or 0 for formats with offsets of their own.
    const ZERO: i16;

    /// Scales and offsets as signed bytes in order: 16 of them, or eight and anything.
    fn scales(block: &[u8; BYTES]) -> [__m128i; 2];
    /// The factors of scales and offsets, in all lanes.
    fn factors(block: &[u8; BYTES]) -> [__m256; 2];
    /// The codes, below 64, of columns `32 * K` and on; below 32 if `SUB_BLOCK` is 32.
    fn codes<const K: usize>(block: &[u8; BYTES]) -> __m256i;
    /// The same of columns `64 * K` and on, with AVX-512.
    fn wide_codes<const K: usize>(block: &[u8; BYTES]) -> __m512i;
}

#[derive(Clone, Copy)]
pub struct Q2K;
#[derive(Clone, Copy)]
pub struct Q3K;
#[derive(Clone, Copy)]
pub struct Q4K;
#[derive(Clone, Copy)]
pub struct Q5K;
#[derive(Clone, Copy)]
pub struct Q6K;

// SAFETY (of all below): only `super::Dot` calls these, which has a proof of AVX2, FMA and F16C, and with
// `wide_codes` of AVX-512.

impl SuperFormat<84> for Q2K {
    const SUB_BLOCK: usize = 16;
    const ZERO: i16 = 0;

    #[inline(always)]
    fn scales(block: &[u8; 84]) -> [__m128i; 2] {
        unsafe {
            let (bytes, mask) = (bytes16(block, 0), _mm_set1_epi8(15));
            [_mm_and_si128(bytes, mask), _mm_and_si128(_mm_srli_epi16::<4>(bytes), mask)]
        }
    }

    #[inline(always)]
    fn factors(block: &[u8; 84]) -> [__m256; 2] {
        [f16_at(block, 80), f16_at(block, 82)]
    }

    #[inline(always)]
    fn codes<const K: usize>(block: &[u8; 84]) -> __m256i {
        bits::<0>(bytes32(block, 16 + K / 4 * 32), K % 4 * 2, 3)
    }

    #[inline(always)]
    fn wide_codes<const K: usize>(block: &[u8; 84]) -> __m512i {
        wide_bits(bytes32(block, 16 + K / 2 * 32), [K % 2 * 4, K % 2 * 4 + 2], 0, 3)
    }
}

impl SuperFormat<110> for Q3K {
    const SUB_BLOCK: usize = 16;
    const ZERO: i16 = 4;

    #[inline(always)]
    fn scales(block: &[u8; 110]) -> [__m128i; 2] {
        [unsafe { _mm_sub_epi8(bytes16(&q3_k_scales(block), 0), _mm_set1_epi8(32)) }; 2]
    }

    #[inline(always)]
    fn factors(block: &[u8; 110]) -> [__m256; 2] {
        let scale = f16_at(block, 108);
        [scale, unsafe { _mm256_mul_ps(scale, _mm256_set1_ps(4.0)) }]
    }

    #[inline(always)]
    fn codes<const K: usize>(block: &[u8; 110]) -> __m256i {
        let low = bits::<0>(bytes32(block, 32 + K / 4 * 32), K % 4 * 2, 3);
        or(low, bits::<2>(bytes32(block, 0), K, 1))
    }

    #[inline(always)]
    fn wide_codes<const K: usize>(block: &[u8; 110]) -> __m512i {
        let low = wide_bits(bytes32(block, 32 + K / 2 * 32), [K % 2 * 4, K % 2 * 4 + 2], 0, 3);
        wide_or(low, wide_bits(bytes32(block, 0), [2 * K, 2 * K + 1], 2, 1))
    }
}

impl SuperFormat<144> for Q4K {
    const SUB_BLOCK: usize = 32;
    const ZERO: i16 = 0;

    #[inline(always)]
    fn scales(block: &[u8; 144]) -> [__m128i; 2] {
        scales_and_mins(block)
    }

    #[inline(always)]
    fn factors(block: &[u8; 144]) -> [__m256; 2] {
        [f16_at(block, 0), f16_at(block, 2)]
    }

    #[inline(always)]
    fn codes<const K: usize>(block: &[u8; 144]) -> __m256i {
        bits::<0>(bytes32(block, 16 + K / 2 * 32), K % 2 * 4, 15)
    }

    #[inline(always)]
    fn wide_codes<const K: usize>(block: &[u8; 144]) -> __m512i {
        wide_bits(bytes32(block, 16 + K * 32), [0, 4], 0, 15)
    }
}

impl SuperFormat<176> for Q5K {
    const SUB_BLOCK: usize = 32;
    const ZERO: i16 = 0;

    #[inline(always)]
    fn scales(block: &[u8; 176]) -> [__m128i; 2] {
        scales_and_mins(block)
    }

    #[inline(always)]
    fn factors(block: &[u8; 176]) -> [__m256; 2] {
        [f16_at(block, 0), f16_at(block, 2)]
    }

    #[inline(always)]
    fn codes<const K: usize>(block: &[u8; 176]) -> __m256i {
        let low = bits::<0>(bytes32(block, 48 + K / 2 * 32), K % 2 * 4, 15);
        or(low, bits::<4>(bytes32(block, 16), K, 1))
    }

    #[inline(always)]
    fn wide_codes<const K: usize>(block: &[u8; 176]) -> __m512i {
        let low = wide_bits(bytes32(block, 48 + K * 32), [0, 4], 0, 15);
        wide_or(low, wide_bits(bytes32(block, 16), [2 * K, 2 * K + 1], 4, 1))
    }
}

impl SuperFormat<210> for Q6K {
    const SUB_BLOCK: usize = 16;
    const ZERO: i16 = 32;

    #[inline(always)]
    fn scales(block: &[u8; 210]) -> [__m128i; 2] {
        [bytes16(block, 192); 2]
    }

    #[inline(always)]
    fn factors(block: &[u8; 210]) -> [__m256; 2] {
        let scale = f16_at(block, 208);
        [scale, unsafe { _mm256_mul_ps(scale, _mm256_set1_ps(32.0)) }]
    }

    /// 128 values share 64 bytes of low bits and 32 of high bits: four quarters of 32.
    #[inline(always)]
    fn codes<const K: usize>(block: &[u8; 210]) -> __m256i {
        let low = bits::<0>(bytes32(block, K / 4 * 64 + K % 2 * 32), K % 4 / 2 * 4, 15);
        or(low, bits::<4>(bytes32(block, 128 + K / 4 * 32), K % 4 * 2, 3))
    }

    #[inline(always)]
    fn wide_codes<const K: usize>(block: &[u8; 210]) -> __m512i {
        let bytes = block[K / 2 * 64..].first_chunk().expect("a format knows the size of its block");
        let low = unsafe {
            let bytes = std::mem::transmute::<[u8; 64], __m512i>(*bytes);
            let low = if K.is_multiple_of(2) { bytes } else { _mm512_srli_epi16::<4>(bytes) };
            _mm512_and_si512(low, _mm512_set1_epi8(15))
        };
        wide_or(low, wide_bits(bytes32(block, 128 + K / 2 * 32), [K % 2 * 4, K % 2 * 4 + 2], 4, 3))
    }
}

/// `(byte >> from & mask) << TO` of each byte.
#[inline(always)]
fn bits<const TO: usize>(bytes: __m256i, from: usize, mask: u8) -> __m256i {
    // Shifts work on pairs of bytes; the mask removes the bits of the neighbouring byte.
    unsafe {
        let moved = match from.checked_sub(TO) {
            Some(right) => _mm256_srl_epi16(bytes, _mm_cvtsi32_si128(right as i32)),
            None => _mm256_sll_epi16(bytes, _mm_cvtsi32_si128((TO - from) as i32)),
        };
        _mm256_and_si256(moved, _mm256_set1_epi8((mask << TO) as i8))
    }
}

/// `(byte >> from & mask) << to` of each of the bytes, twice: with `from[0]`, then with `from[1]`.
#[inline(always)]
fn wide_bits(bytes: __m256i, from: [usize; 2], to: usize, mask: u8) -> __m512i {
    unsafe {
        let both = _mm512_broadcast_i64x4(bytes);
        // Words are rotated; the mask removes the bits of the neighbouring bytes.
        let [low, high] = [((32 + to - from[0]) % 32) as i32, ((32 + to - from[1]) % 32) as i32];
        let turns = _mm512_set_epi32(
            high, high, high, high, high, high, high, high, low, low, low, low, low, low, low, low,
        );
        _mm512_and_si512(_mm512_rolv_epi32(both, turns), _mm512_set1_epi8((mask << to) as i8))
    }
}

#[inline(always)]
fn wide_or(a: __m512i, b: __m512i) -> __m512i {
    unsafe { _mm512_or_si512(a, b) }
}

/// The 6-bit scales and minimums of Q4_K and Q5_K, as [`crate::superblocks::unpack_scales_mins`] has them,
/// in eight bytes each.
#[inline(always)]
fn scales_and_mins<const LEN: usize>(block: &[u8; LEN]) -> [__m128i; 2] {
    let first = u64::from_le_bytes(*block[4..].first_chunk().expect("a block has 12 bytes of scales"));
    let last = u64::from(u32::from_le_bytes(*block[12..].first_chunk().expect("as above")));
    let plain = first & 0x3F3F_3F3F_3F3F_3F3F;
    let packed = (last | last << 28) & 0x0F0F_0F0F_0F0F_0F0F | first >> 2 & 0x3030_3030_3030_3030;
    unsafe {
        let both = _mm_unpacklo_epi32(_mm_cvtsi64_si128(plain as i64), _mm_cvtsi64_si128(packed as i64));
        [both, _mm_srli_si128::<8>(both)]
    }
}

/// The f16 at byte `at`, in all lanes.
#[inline(always)]
fn f16_at<const LEN: usize>(block: &[u8; LEN], at: usize) -> __m256 {
    unsafe { _mm256_cvtph_ps(_mm_set1_epi16(u16_at(block, at) as i16)) }
}
