//! `Simd` with AVX-512: 16 values in one register.
//! A table lookup is one permutation of f32 values.
use std::arch::x86_64::*;

use super::bytes::U8x16;
use super::vector::Simd;
use super::{Kernel, dispatch_format};
use crate::{Dtype, Isa, LANES};

/// Proof that [`Isa::Avx512`] is available.
#[derive(Clone, Copy)]
pub struct Avx512(());

impl Avx512 {
    pub fn detect() -> Option<Self> {
        (Isa::detect() >= Isa::Avx512).then_some(Self(()))
    }
}

// SAFETY (of all below): `self` proves that the processor has the instructions; each `transmute` is between
// types of the same size in which every bit pattern is valid.
impl Simd for Avx512 {
    type F32x16 = __m512;
    /// All 16 values.
    type Lut16 = __m512;

    fn dispatch<K: Kernel<Self>>(self, dtype: Dtype, kernel: K) -> Option<K::Output> {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")]
        fn with_features<K: Kernel<Avx512>>(simd: Avx512, dtype: Dtype, kernel: K) -> Option<K::Output> {
            dispatch_format(simd, dtype, kernel)
        }
        unsafe { with_features(self, dtype, kernel) }
    }

    #[inline(always)]
    fn zeros(self) -> Self::F32x16 {
        unsafe { _mm512_setzero_ps() }
    }

    #[inline(always)]
    fn load(self, values: &[f32; LANES]) -> Self::F32x16 {
        unsafe { std::mem::transmute::<[f32; LANES], __m512>(*values) }
    }

    #[inline(always)]
    fn store(self, values: Self::F32x16) -> [f32; LANES] {
        unsafe { std::mem::transmute::<__m512, [f32; LANES]>(values) }
    }

    #[inline(always)]
    fn mul_add(self, a: Self::F32x16, b: Self::F32x16, c: Self::F32x16) -> Self::F32x16 {
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn splat(self, value: f32) -> Self::F32x16 {
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    fn i8_to_f32(self, codes: U8x16) -> Self::F32x16 {
        unsafe { _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(codes.0)) }
    }

    #[inline(always)]
    fn mask_add(self, mask: u16, codes: U8x16, addend: i8) -> U8x16 {
        unsafe { U8x16(_mm_mask_add_epi8(codes.0, mask, codes.0, _mm_set1_epi8(addend))) }
    }

    #[inline(always)]
    fn mul(self, a: Self::F32x16, b: Self::F32x16) -> Self::F32x16 {
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    fn mul_sub(self, a: Self::F32x16, b: Self::F32x16, c: Self::F32x16) -> Self::F32x16 {
        unsafe { _mm512_fmsub_ps(a, b, c) }
    }

    #[inline(always)]
    fn f16_splat(self, bytes: [u8; 2]) -> Self::F32x16 {
        unsafe { _mm512_cvtph_ps(_mm256_set1_epi16(i16::from_le_bytes(bytes))) }
    }

    #[inline(always)]
    fn lut16(self, values: &[i8; 16], scale: Self::F32x16, min: Self::F32x16) -> Self::Lut16 {
        self.scale_sub_min(U8x16::new(&values.map(|value| value as u8)), scale, min)
    }

    #[inline(always)]
    fn lookup(self, codes: U8x16, tables: [Self::Lut16; 2]) -> [Self::F32x16; 2] {
        unsafe {
            let codes = _mm512_cvtepu8_epi32(codes.0);
            // The instruction uses the low four bits of an index only.
            let low = _mm512_permutexvar_ps(codes, tables[0]);
            [low, _mm512_permutexvar_ps(_mm512_srli_epi32::<4>(codes), tables[1])]
        }
    }

    #[inline(always)]
    fn f16(self, halves: &[u8; 2 * LANES]) -> Self::F32x16 {
        unsafe { _mm512_cvtph_ps(std::mem::transmute::<[u8; 2 * LANES], __m256i>(*halves)) }
    }

    #[inline(always)]
    fn bf16(self, halves: &[u8; 2 * LANES]) -> Self::F32x16 {
        unsafe {
            let halves = std::mem::transmute::<[u8; 2 * LANES], __m256i>(*halves);
            _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(halves)))
        }
    }
}
