//! `Simd` with AVX2, FMA and F16C: 16 values in two registers of eight.
//! A table lookup shuffles bytes and converts after it.
use std::arch::x86_64::*;

use super::bytes::U8x16;
use super::vector::Simd;
use super::{Kernel, dispatch_format};
use crate::{Dtype, Isa, LANES};

/// Proof that [`Isa::Avx2`] is available.
#[derive(Clone, Copy)]
pub struct Avx2(());

impl Avx2 {
    pub fn detect() -> Option<Self> {
        (Isa::detect() >= Isa::Avx2).then_some(Self(()))
    }
}

// SAFETY (of all below): `self` proves that the processor has the instructions; each `transmute` is between
// types of the same size in which every bit pattern is valid.
impl Simd for Avx2 {
    type F32x16 = [__m256; 2];
    /// The values as bytes, the scale and the minimum: 16 f32 do not fit a register, so a lookup is a byte
    /// shuffle.
    type Lut16 = (U8x16, [__m256; 2], [__m256; 2]);

    fn dispatch<K: Kernel<Self>>(self, dtype: Dtype, kernel: K) -> Option<K::Output> {
        #[target_feature(enable = "avx2,fma,f16c")]
        fn with_features<K: Kernel<Avx2>>(simd: Avx2, dtype: Dtype, kernel: K) -> Option<K::Output> {
            dispatch_format(simd, dtype, kernel)
        }
        unsafe { with_features(self, dtype, kernel) }
    }

    #[inline(always)]
    fn zeros(self) -> Self::F32x16 {
        unsafe { [_mm256_setzero_ps(); 2] }
    }

    #[inline(always)]
    fn load(self, values: &[f32; LANES]) -> Self::F32x16 {
        unsafe { std::mem::transmute::<[f32; LANES], [__m256; 2]>(*values) }
    }

    #[inline(always)]
    fn store(self, values: Self::F32x16) -> [f32; LANES] {
        unsafe { std::mem::transmute::<[__m256; 2], [f32; LANES]>(values) }
    }

    #[inline(always)]
    fn mul_add(self, a: Self::F32x16, b: Self::F32x16, c: Self::F32x16) -> Self::F32x16 {
        unsafe { [_mm256_fmadd_ps(a[0], b[0], c[0]), _mm256_fmadd_ps(a[1], b[1], c[1])] }
    }

    #[inline(always)]
    fn splat(self, value: f32) -> Self::F32x16 {
        unsafe { [_mm256_set1_ps(value); 2] }
    }

    #[inline(always)]
    fn i8_to_f32(self, codes: U8x16) -> Self::F32x16 {
        unsafe {
            let low = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(codes.0));
            [low, _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(codes.high_half().0))]
        }
    }

    #[inline(always)]
    fn mask_add(self, mask: u16, codes: U8x16, addend: i8) -> U8x16 {
        unsafe {
            let byte_of_lane = _mm_set_epi8(1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0);
            let bit_of_lane = _mm_set1_epi64x(i64::from_le_bytes([1, 2, 4, 8, 16, 32, 64, 128]));
            let set = _mm_and_si128(
                _mm_shuffle_epi8(_mm_cvtsi32_si128(i32::from(mask)), byte_of_lane),
                bit_of_lane,
            );
            let added = _mm_and_si128(_mm_cmpeq_epi8(set, bit_of_lane), _mm_set1_epi8(addend));
            U8x16(_mm_add_epi8(codes.0, added))
        }
    }

    #[inline(always)]
    fn mul(self, a: Self::F32x16, b: Self::F32x16) -> Self::F32x16 {
        unsafe { [_mm256_mul_ps(a[0], b[0]), _mm256_mul_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn mul_sub(self, a: Self::F32x16, b: Self::F32x16, c: Self::F32x16) -> Self::F32x16 {
        unsafe { [_mm256_fmsub_ps(a[0], b[0], c[0]), _mm256_fmsub_ps(a[1], b[1], c[1])] }
    }

    #[inline(always)]
    fn f16_splat(self, bytes: [u8; 2]) -> Self::F32x16 {
        unsafe { [_mm256_cvtph_ps(_mm_set1_epi16(i16::from_le_bytes(bytes))); 2] }
    }

    #[inline(always)]
    fn lut16(self, values: &[i8; 16], scale: Self::F32x16, min: Self::F32x16) -> Self::Lut16 {
        (U8x16::new(&values.map(|value| value as u8)), scale, min)
    }

    #[inline(always)]
    fn lookup(self, codes: U8x16, tables: [Self::Lut16; 2]) -> [Self::F32x16; 2] {
        let ([low, high], [low_table, high_table]) = (codes.nibbles(), tables);
        unsafe {
            let low = U8x16(_mm_shuffle_epi8(low_table.0.0, low.0));
            let high = U8x16(_mm_shuffle_epi8(high_table.0.0, high.0));
            [
                self.scale_sub_min(low, low_table.1, low_table.2),
                self.scale_sub_min(high, high_table.1, high_table.2),
            ]
        }
    }

    #[inline(always)]
    fn f16(self, halves: &[u8; 2 * LANES]) -> Self::F32x16 {
        let [low, high] = self.u8x32_at(halves, 0).halves();
        unsafe { [_mm256_cvtph_ps(low.0), _mm256_cvtph_ps(high.0)] }
    }

    #[inline(always)]
    fn bf16(self, halves: &[u8; 2 * LANES]) -> Self::F32x16 {
        let [low, high] = self.u8x32_at(halves, 0).halves();
        unsafe {
            let low = _mm256_slli_epi32::<16>(_mm256_cvtepu16_epi32(low.0));
            let high = _mm256_slli_epi32::<16>(_mm256_cvtepu16_epi32(high.0));
            [_mm256_castsi256_ps(low), _mm256_castsi256_ps(high)]
        }
    }
}
