//! Products of the formats of 256 values with whole scales: a block's sums are whole numbers until its end.
//! AVX2 and AVX-512 VNNI give the bits of the scalar definition.
use std::arch::x86_64::*;

use super::super_formats::SuperFormat;
use super::{Dot, Integer, i32x8, planes, totals, wide_dot_planes, wide_planes};
use crate::planes::{PlaneBlock, WIDE};
use crate::prefetch;

/// Sums of the high and of the low plane, [x][row]. Where scales and codes leave room for it, the second has
/// both.
type Sums<V, const M: usize, const N: usize> = [[[V; 2]; N]; M];

// SAFETY (of all below): `simd` proves that the processor has the instructions. No closure takes a register:
// it would be a function without them.
impl<S: Integer, const M: usize, const N: usize> Dot<'_, S, M, N> {
    #[inline(always)]
    pub fn super_blocks<const BYTES: usize, F: SuperFormat<BYTES>>(self, _: F) -> [[f32; N]; M] {
        let count = self.count(BYTES, WIDE);
        // Slices of one length let the compiler drop the bounds checks.
        let (mut rows, mut x) = ([&[][..]; N], [&[][..]; M]);
        for n in 0..N {
            rows[n] = &self.rows[n].as_chunks::<BYTES>().0[..count];
        }
        for m in 0..M {
            x[m] = &self.x[m][..count];
        }
        let mut out = [[unsafe { _mm256_setzero_ps() }; N]; M];
        for at in 0..count {
            let (mut blocks, mut scales, mut offsets) =
                ([&[0; BYTES]; N], [unsafe { _mm_setzero_si128() }; N], [unsafe { _mm_setzero_si128() }; N]);
            for n in 0..N {
                blocks[n] = &rows[n][at];
                prefetch(blocks[n], self.prefetch_distance);
                [scales[n], offsets[n]] = F::scales(blocks[n]);
            }
            let mut x_at = [&x[0][at]; M];
            for m in 1..M {
                x_at[m] = &x[m][at];
            }
            let sums = if S::VNNI {
                wide_sums::<BYTES, F, M, N>(x_at, blocks, scales)
            } else {
                sums::<BYTES, F, M, N>(x_at, blocks, scales)
            };
            for n in 0..N {
                let [scale, offset] = F::factors(blocks[n]);
                for m in 0..M {
                    out[m][n] = unsafe {
                        let [high, low] = sums[m][n];
                        let (high, low) = (_mm256_cvtepi32_ps(high), _mm256_cvtepi32_ps(low));
                        let whole = _mm256_fmadd_ps(high, _mm256_set1_ps(256.0), low);
                        let of_x = _mm256_set1_ps(x_at[m].scale);
                        let sum = _mm256_fmadd_ps(whole, _mm256_mul_ps(scale, of_x), out[m][n]);
                        let offsets = _mm256_cvtepi32_ps(offset_sums::<BYTES, F>(offsets[n], x_at[m]));
                        _mm256_fnmadd_ps(offsets, _mm256_mul_ps(offset, of_x), sum)
                    };
                }
            }
        }
        totals(out)
    }
}

/// The sums of a block with AVX2.
#[inline(always)]
fn sums<const BYTES: usize, F: SuperFormat<BYTES>, const M: usize, const N: usize>(
    x: [&PlaneBlock; M],
    blocks: [&[u8; BYTES]; N],
    scales: [__m128i; N],
) -> Sums<__m256i, M, N> {
    let zeros = unsafe { _mm256_setzero_si256() };
    let (mut sides, mut sums) = ([zeros; N], [[[zeros; 2]; N]; M]);
    for n in 0..N {
        sides[n] = unsafe {
            if F::SUB_BLOCK == 32 {
                _mm256_cvtepi8_epi16(_mm_broadcastq_epi64(scales[n]))
            } else {
                _mm256_cvtepi8_epi16(by_sides(scales[n]))
            }
        };
    }
    macro_rules! sub_blocks {
        ($($k:literal)*) => { $(sub_block::<$k, BYTES, F, M, N>(x, blocks, &sides, &mut sums);)* };
    }
    sub_blocks!(0 1 2 3 4 5 6 7);
    sums
}

/// Adds the products of columns `32 * K` and on. Each half of `sides` has the scales of one side as i16.
#[inline(always)]
fn sub_block<const K: usize, const BYTES: usize, F: SuperFormat<BYTES>, const M: usize, const N: usize>(
    x: [&PlaneBlock; M],
    blocks: [&[u8; BYTES]; N],
    sides: &[__m256i; N],
    sums: &mut Sums<__m256i, M, N>,
) {
    for n in 0..N {
        unsafe {
            let codes = F::codes::<K>(blocks[n]);
            let scale =
                _mm256_shuffle_epi8(sides[n], i32x8([((2 * K) * 0x0101_0101 + 0x0100_0100) as i32; 8]));
            for m in 0..M {
                let [high, low] = planes(x[m], K);
                // Two products of codes below 64 fit an i16.
                let high = _mm256_madd_epi16(_mm256_maddubs_epi16(codes, high), scale);
                let low = _mm256_madd_epi16(_mm256_maddubs_epi16(codes, low), scale);
                let [sum_high, sum_low] = sums[m][n];
                sums[m][n] = [_mm256_add_epi32(sum_high, high), _mm256_add_epi32(sum_low, low)];
            }
        }
    }
}

/// The sums of a block with AVX-512 VNNI.
#[inline(always)]
fn wide_sums<const BYTES: usize, F: SuperFormat<BYTES>, const M: usize, const N: usize>(
    x: [&PlaneBlock; M],
    blocks: [&[u8; BYTES]; N],
    scales: [__m128i; N],
) -> Sums<__m256i, M, N> {
    let zeros = unsafe { _mm512_setzero_si512() };
    let (mut lanes, mut sums) = ([zeros; N], [[[zeros; 2]; N]; M]);
    for n in 0..N {
        lanes[n] = unsafe {
            // For each quarter of the register the scales of its columns in every group of 64.
            let order = if F::SUB_BLOCK == 32 {
                _mm_set_epi8(7, 5, 3, 1, 7, 5, 3, 1, 6, 4, 2, 0, 6, 4, 2, 0)
            } else {
                _mm_set_epi8(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0)
            };
            _mm512_cvtepi8_epi32(_mm_shuffle_epi8(scales[n], order))
        };
    }
    macro_rules! groups {
        ($($k:literal)*) => { $(wide_group::<$k, BYTES, F, M, N>(x, blocks, &lanes, &mut sums);)* };
    }
    groups!(0 1 2 3);
    let mut folded = [[[unsafe { _mm256_setzero_si256() }; 2]; N]; M];
    for m in 0..M {
        for n in 0..N {
            let [high, low] = sums[m][n];
            folded[m][n] = [fold(high), fold(low)];
        }
    }
    folded
}

/// Adds the products of columns `64 * K` and on. Each quarter of `lanes` has the scales of its columns as
/// i32.
#[inline(always)]
fn wide_group<const K: usize, const BYTES: usize, F: SuperFormat<BYTES>, const M: usize, const N: usize>(
    x: [&PlaneBlock; M],
    blocks: [&[u8; BYTES]; N],
    lanes: &[__m512i; N],
    sums: &mut Sums<__m512i, M, N>,
) {
    for n in 0..N {
        unsafe {
            let codes = F::wide_codes::<K>(blocks[n]);
            for m in 0..M {
                let [high, low] = wide_planes(x[m], K);
                let [sum_high, sum_low] = sums[m][n];
                sums[m][n] = if F::SUB_BLOCK == 32 {
                    // Both planes at once: codes below 32 with scales below 64 leave room for it.
                    let whole = wide_dot_planes(codes, high, low);
                    let scale = match K {
                        0 => _mm512_shuffle_epi32::<0x00>(lanes[n]),
                        1 => _mm512_shuffle_epi32::<0x55>(lanes[n]),
                        2 => _mm512_shuffle_epi32::<0xAA>(lanes[n]),
                        _ => _mm512_shuffle_epi32::<0xFF>(lanes[n]),
                    };
                    [sum_high, _mm512_add_epi32(sum_low, _mm512_mullo_epi32(whole, scale))]
                } else {
                    let place = _mm512_set1_epi32((4 * K * 0x0101_0101 + 0x0100_0100) as i32);
                    let scale = _mm512_shuffle_epi8(lanes[n], place);
                    [
                        _mm512_dpwssd_epi32(sum_high, _mm512_maddubs_epi16(codes, high), scale),
                        _mm512_dpwssd_epi32(sum_low, _mm512_maddubs_epi16(codes, low), scale),
                    ]
                };
            }
        }
    }
}

/// The sums of columns that are 32 apart.
#[inline(always)]
fn fold(sums: __m512i) -> __m256i {
    unsafe { _mm256_add_epi32(_mm512_castsi512_si256(sums), _mm512_extracti64x4_epi64::<1>(sums)) }
}

/// 16 bytes, those at even places first.
#[inline(always)]
fn by_sides(bytes: __m128i) -> __m128i {
    unsafe { _mm_shuffle_epi8(bytes, _mm_set_epi8(15, 13, 11, 9, 7, 5, 3, 1, 14, 12, 10, 8, 6, 4, 2, 0)) }
}

/// `offsets` times the sums of their columns.
#[inline(always)]
fn offset_sums<const BYTES: usize, F: SuperFormat<BYTES>>(offsets: __m128i, x: &PlaneBlock) -> __m256i {
    unsafe {
        if F::SUB_BLOCK == 32 {
            return _mm256_mullo_epi32(_mm256_cvtepi8_epi32(offsets), i32x8(x.sums));
        }
        let sides = by_sides(offsets);
        let (even, odd) = (_mm256_cvtepi8_epi32(sides), _mm256_cvtepi8_epi32(_mm_srli_si128::<8>(sides)));
        let [even_sums, odd_sums] = x.side_sums;
        _mm256_add_epi32(_mm256_mullo_epi32(even, i32x8(even_sums)), _mm256_mullo_epi32(odd, i32x8(odd_sums)))
    }
}
