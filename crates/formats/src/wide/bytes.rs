//! Sixteen and thirty-two bytes at once.
use std::arch::x86_64::*;

/// What every x86-64 processor has registers for.
#[derive(Clone, Copy)]
pub struct Bytes(pub __m128i);

/// For these it has to have AVX2: only a `Width` makes them.
#[derive(Clone, Copy)]
pub struct Bytes32(__m256i);

// SAFETY (of all below): x86-64 always has SSE2.
impl Bytes {
    /// By value, because the loads of `std::arch` check their pointers in every build that is not a release.
    #[inline(always)]
    pub fn new(bytes: &[u8; 16]) -> Self {
        // SAFETY: both are 16 bytes, and any of them are a register.
        Self(unsafe { std::mem::transmute::<[u8; 16], __m128i>(*bytes) })
    }

    /// Sixteen bytes of a block from `at` on.
    #[inline(always)]
    pub fn of<const LEN: usize>(block: &[u8; LEN], at: usize) -> Self {
        Self::new(block[at..].first_chunk().expect("a decoder knows the size of its block"))
    }

    /// Eight of them, and eight of 0.
    #[inline(always)]
    pub fn eight(bytes: [u8; 8]) -> Self {
        Self(unsafe { _mm_cvtsi64_si128(i64::from_le_bytes(bytes)) })
    }

    /// The bits that are also in `mask`, of each.
    #[inline(always)]
    pub fn and(self, mask: u8) -> Self {
        Self(unsafe { _mm_and_si128(self.0, _mm_set1_epi8(mask as i8)) })
    }

    #[inline(always)]
    pub fn or(self, other: Self) -> Self {
        Self(unsafe { _mm_or_si128(self.0, other.0) })
    }

    #[inline(always)]
    pub fn minus(self, by: i8) -> Self {
        Self(unsafe { _mm_sub_epi8(self.0, _mm_set1_epi8(by)) })
    }

    /// Moved right, with bits of a neighbour above: to be cut off with `and`.
    #[inline(always)]
    pub fn right(self, by: usize) -> Self {
        Self(unsafe { _mm_srl_epi16(self.0, _mm_cvtsi32_si128(by as i32)) })
    }

    /// Moved left; what is moved must fit.
    #[inline(always)]
    pub fn left(self, by: usize) -> Self {
        Self(unsafe { _mm_sll_epi16(self.0, _mm_cvtsi32_si128(by as i32)) })
    }

    /// The low and the high halves.
    #[inline(always)]
    pub fn nibbles(self) -> [Self; 2] {
        [self.and(15), self.right(4).and(15)]
    }

    /// The last eight in front.
    #[inline(always)]
    pub fn last_eight(self) -> Self {
        Self(unsafe { _mm_srli_si128::<8>(self.0) })
    }
}

// SAFETY (of all below): whoever made them knows that the processor has AVX2.
impl Bytes32 {
    /// # Safety
    /// The processor has AVX2.
    #[inline(always)]
    pub unsafe fn new(bytes: &[u8; 32]) -> Self {
        // SAFETY: both are 32 bytes, and any of them are a register.
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
    pub fn minus(self, by: i8) -> Self {
        Self(unsafe { _mm256_sub_epi8(self.0, _mm256_set1_epi8(by)) })
    }

    /// The bits from `bit` on that are also in `mask`, moved up to where they begin at `to`.
    #[inline(always)]
    pub fn bits(self, bit: usize, mask: u8, to: usize) -> Self {
        // Bits of a neighbour that come along are cut off.
        let moved = unsafe {
            match bit.checked_sub(to) {
                Some(right) => _mm256_srl_epi16(self.0, _mm_cvtsi32_si128(right as i32)),
                None => _mm256_sll_epi16(self.0, _mm_cvtsi32_si128((to - bit) as i32)),
            }
        };
        Self(moved).and(mask << to)
    }

    #[inline(always)]
    pub fn halves(self) -> [Bytes; 2] {
        unsafe { [Bytes(_mm256_castsi256_si128(self.0)), Bytes(_mm256_extracti128_si256::<1>(self.0))] }
    }
}
