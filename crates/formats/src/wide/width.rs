//! How many numbers a processor makes at once. A value of a width is the proof that this processor has it.
use std::arch::x86_64::*;
use std::is_x86_feature_detected as has;

use super::bytes::Bytes;
use super::decode_in;
use crate::Dtype;

/// What the decoders need beyond the instructions that every x86-64 processor has.
pub trait Width: Copy {
    /// `scale * code` of sixteen signed codes.
    fn scaled(self, codes: Bytes, scale: f32, out: &mut [f32; 16]);
    /// `scale * code - min` of sixteen signed codes.
    fn less_min(self, codes: Bytes, scale: f32, min: f32, out: &mut [f32; 16]);

    /// The bytes of `table` at sixteen places below 16.
    #[inline(always)]
    fn look_up(self, table: Bytes, places: Bytes) -> Bytes {
        // SAFETY: every width stands for AVX2 at least, which includes SSSE3.
        Bytes(unsafe { _mm_shuffle_epi8(table.0, places.0) })
    }

    /// The half-precision number at a place of a block. Read with its neighbours, because reading two bytes into a
    /// register would wait for what the register held before.
    #[inline(always)]
    fn half<const LEN: usize>(self, block: &[u8; LEN], at: usize) -> f32 {
        let start = at.min(LEN - 8);
        let near = block[start..].first_chunk().expect("a block has eight bytes");
        // SAFETY: every width stands for F16C.
        let near = unsafe { _mm_cvtph_ps(_mm_cvtsi64_si128(i64::from_le_bytes(*near))) };
        // SAFETY: both are 16 bytes, and any of them are numbers.
        let near = unsafe { std::mem::transmute::<__m128, [f32; 4]>(near) };
        near[(at - start) / 2]
    }

    /// `scale * code` of eight unsigned codes.
    #[inline(always)]
    fn scales(self, codes: [u8; 8], scale: f32) -> [f32; 8] {
        // SAFETY: every width stands for AVX2.
        numbers(unsafe {
            let codes = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(i64::from_le_bytes(codes)));
            _mm256_mul_ps(_mm256_cvtepi32_ps(codes), _mm256_set1_ps(scale))
        })
    }

    #[inline(always)]
    fn f16(self, halves: &[u8; 16]) -> [f32; 8] {
        // SAFETY: as above.
        numbers(unsafe { _mm256_cvtph_ps(Bytes::new(halves).0) })
    }

    #[inline(always)]
    fn bf16(self, halves: &[u8; 16]) -> [f32; 8] {
        // SAFETY: every width stands for AVX2.
        unsafe {
            let halves = _mm256_cvtepu16_epi32(Bytes::new(halves).0);
            numbers(_mm256_castsi256_ps(_mm256_slli_epi32::<16>(halves)))
        }
    }
}

/// AVX2 and F16C.
#[derive(Clone, Copy)]
pub struct Eight(());

/// AVX-512 as well.
#[derive(Clone, Copy)]
pub struct Sixteen(());

impl Eight {
    pub fn here() -> Option<Self> {
        (has!("avx2") && has!("f16c")).then_some(Self(()))
    }

    pub fn decode(self, dtype: Dtype, bytes: &[u8], out: &mut [f32]) -> bool {
        #[target_feature(enable = "avx2,f16c")]
        fn compiled(width: Eight, dtype: Dtype, bytes: &[u8], out: &mut [f32]) -> bool {
            decode_in(width, dtype, bytes, out)
        }
        // SAFETY: `self` says that the processor has these.
        unsafe { compiled(self, dtype, bytes, out) }
    }
}

impl Sixteen {
    pub fn here() -> Option<Self> {
        (Eight::here().is_some() && has!("avx512f")).then_some(Self(()))
    }

    pub fn decode(self, dtype: Dtype, bytes: &[u8], out: &mut [f32]) -> bool {
        #[target_feature(enable = "avx512f,avx2,f16c")]
        fn compiled(width: Sixteen, dtype: Dtype, bytes: &[u8], out: &mut [f32]) -> bool {
            decode_in(width, dtype, bytes, out)
        }
        // SAFETY: `self` says that the processor has these.
        unsafe { compiled(self, dtype, bytes, out) }
    }
}

impl Width for Eight {
    #[inline(always)]
    fn scaled(self, codes: Bytes, scale: f32, out: &mut [f32; 16]) {
        // SAFETY: `self` says that the processor has AVX2.
        unsafe {
            let scale = _mm256_set1_ps(scale);
            for (codes, out) in [codes, codes.last_eight()].into_iter().zip(out.as_chunks_mut().0) {
                *out = numbers(_mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(codes.0)), scale));
            }
        }
    }

    #[inline(always)]
    fn less_min(self, codes: Bytes, scale: f32, min: f32, out: &mut [f32; 16]) {
        // SAFETY: as above.
        unsafe {
            let (scale, min) = (_mm256_set1_ps(scale), _mm256_set1_ps(min));
            for (codes, out) in [codes, codes.last_eight()].into_iter().zip(out.as_chunks_mut().0) {
                let product = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(codes.0)), scale);
                *out = numbers(_mm256_sub_ps(product, min));
            }
        }
    }
}

impl Width for Sixteen {
    #[inline(always)]
    fn scaled(self, codes: Bytes, scale: f32, out: &mut [f32; 16]) {
        // SAFETY: `self` says that the processor has AVX-512; both are 64 bytes, and any of them are numbers.
        *out = unsafe {
            let codes = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(codes.0));
            std::mem::transmute::<__m512, [f32; 16]>(_mm512_mul_ps(codes, _mm512_set1_ps(scale)))
        };
    }

    #[inline(always)]
    fn less_min(self, codes: Bytes, scale: f32, min: f32, out: &mut [f32; 16]) {
        // SAFETY: as above.
        *out = unsafe {
            let codes = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(codes.0));
            let product = _mm512_mul_ps(codes, _mm512_set1_ps(scale));
            std::mem::transmute::<__m512, [f32; 16]>(_mm512_sub_ps(product, _mm512_set1_ps(min)))
        };
    }
}

#[inline(always)]
fn numbers(register: __m256) -> [f32; 8] {
    // SAFETY: both are 32 bytes, and any of them are numbers.
    unsafe { std::mem::transmute(register) }
}
