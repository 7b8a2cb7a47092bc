//! Vectors of 16 and of 32 bytes, with the operations that unpack quantised codes.
//! They are the same for every instruction set of `Simd`.
use std::arch::x86_64::*;

/// 16 bytes; every x86-64 processor has these registers.
#[derive(Clone, Copy)]
pub struct U8x16(pub __m128i);

/// 32 bytes; needs AVX2, so only a `Simd` makes them.
#[derive(Clone, Copy)]
pub struct U8x32(__m256i);

// SAFETY (of all below): x86-64 always has SSE2.
impl U8x16 {
    /// By value, because the loads of `std::arch` check their pointers in debug builds.
    #[inline(always)]
    pub fn new(bytes: &[u8; 16]) -> Self {
        // SAFETY: both are 16 bytes, and every bit pattern is valid in both.
        Self(unsafe { std::mem::transmute::<[u8; 16], __m128i>(*bytes) })
    }

    /// 16 bytes of a block from `at` on.
    #[inline(always)]
    pub fn at<const LEN: usize>(block: &[u8; LEN], at: usize) -> Self {
        Self::new(block[at..].first_chunk().expect("a decoder knows the size of its block"))
    }

    /// Eight bytes in the low half, zeros in the high half.
    #[inline(always)]
    pub fn low_half(bytes: [u8; 8]) -> Self {
        Self(unsafe { _mm_cvtsi64_si128(i64::from_le_bytes(bytes)) })
    }

    /// Every byte masked with `mask`.
    #[inline(always)]
    pub fn and(self, mask: u8) -> Self {
        Self(unsafe { _mm_and_si128(self.0, _mm_set1_epi8(mask as i8)) })
    }

    #[inline(always)]
    pub fn or(self, other: Self) -> Self {
        Self(unsafe { _mm_or_si128(self.0, other.0) })
    }

    #[inline(always)]
    pub fn sub(self, by: i8) -> Self {
        Self(unsafe { _mm_sub_epi8(self.0, _mm_set1_epi8(by)) })
    }

    /// Shifts pairs of bytes right, so bits of the next byte come in from above: mask the result with `and`.
    #[inline(always)]
    pub fn shr(self, by: usize) -> Self {
        Self(unsafe { _mm_srl_epi16(self.0, _mm_cvtsi32_si128(by as i32)) })
    }

    /// Shifts pairs of bytes left; the shifted bits must fit their byte.
    #[inline(always)]
    pub fn shl(self, by: usize) -> Self {
        Self(unsafe { _mm_sll_epi16(self.0, _mm_cvtsi32_si128(by as i32)) })
    }

    /// The low and the high four bits of each byte.
    #[inline(always)]
    pub fn nibbles(self) -> [Self; 2] {
        [self.and(15), self.shr(4).and(15)]
    }

    /// The high eight bytes, moved to the low half.
    #[inline(always)]
    pub fn high_half(self) -> Self {
        Self(unsafe { _mm_srli_si128::<8>(self.0) })
    }
}

// SAFETY (of all below): `new` requires AVX2.
impl U8x32 {
    /// # Safety
    /// The processor has AVX2.
    #[inline(always)]
    pub unsafe fn new(bytes: &[u8; 32]) -> Self {
        // SAFETY: both are 32 bytes, and every bit pattern is valid in both.
        Self(unsafe { std::mem::transmute::<[u8; 32], __m256i>(*bytes) })
    }

    #[inline(always)]
    pub fn and(self, mask: u8) -> Self {
        Self(unsafe { _mm256_and_si256(self.0, _mm256_set1_epi8(mask as i8)) })
    }

    #[inline(always)]
    pub fn or(self, other: Self) -> Self {
        Self(unsafe { _mm256_or_si256(self.0, other.0) })
    }

    #[inline(always)]
    pub fn sub(self, by: i8) -> Self {
        Self(unsafe { _mm256_sub_epi8(self.0, _mm256_set1_epi8(by)) })
    }

    /// `(byte >> bit & mask) << to` of each byte.
    #[inline(always)]
    pub fn extract_bits(self, bit: usize, mask: u8, to: usize) -> Self {
        // Shifts work on pairs of bytes; the mask removes the bits of the neighbouring byte.
        let moved = unsafe {
            match bit.checked_sub(to) {
                Some(right) => _mm256_srl_epi16(self.0, _mm_cvtsi32_si128(right as i32)),
                None => _mm256_sll_epi16(self.0, _mm_cvtsi32_si128((to - bit) as i32)),
            }
        };
        Self(moved).and(mask << to)
    }

    #[inline(always)]
    pub fn halves(self) -> [U8x16; 2] {
        unsafe { [U8x16(_mm256_castsi256_si128(self.0)), U8x16(_mm256_extracti128_si256::<1>(self.0))] }
    }
}
