//! Sixteen bytes at once, with what every x86-64 processor has for them.
use std::arch::x86_64::*;

#[derive(Clone, Copy)]
pub struct Bytes(pub __m128i);

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
