//! How many numbers a processor makes at once. A value of a width is the proof that this processor has it.
use std::arch::x86_64::*;
use std::is_x86_feature_detected as has;

use super::bytes::{Bytes, Bytes32};
use super::{Job, with_layout};
use crate::{Dtype, LANES};

/// What is done with sixteen numbers at once beyond what every x86-64 processor can.
pub trait Width: Copy {
    /// Sixteen numbers in registers.
    type Numbers: Copy;
    /// What each of sixteen codes stands for, in registers.
    type Table: Copy;

    /// The job, compiled for this width, if it has the format.
    fn run<J: Job<Self>>(self, dtype: Dtype, job: J) -> Option<J::Done>;

    fn zeros(self) -> Self::Numbers;
    fn load(self, numbers: &[f32; LANES]) -> Self::Numbers;
    fn store(self, numbers: Self::Numbers) -> [f32; LANES];
    /// `a * b + sum`, rounded once.
    fn fused(self, a: Self::Numbers, b: Self::Numbers, sum: Self::Numbers) -> Self::Numbers;
    /// The same number sixteen times.
    fn all(self, number: f32) -> Self::Numbers;
    /// Codes with their sign.
    fn signed(self, codes: Bytes) -> Self::Numbers;
    /// `by` more where a bit is set, for the codes that have one of their bits somewhere else.
    fn more_where(self, bits: u16, codes: Bytes, by: i8) -> Bytes;
    fn product(self, a: Self::Numbers, b: Self::Numbers) -> Self::Numbers;
    /// `a * b - less`, rounded once.
    fn product_less(self, a: Self::Numbers, b: Self::Numbers, less: Self::Numbers) -> Self::Numbers;
    /// The half-precision number of two bytes, sixteen times.
    fn half(self, bytes: [u8; 2]) -> Self::Numbers;
    /// `scale * value - less` for each value.
    fn table(self, values: &[i8; 16], scale: Self::Numbers, less: Self::Numbers) -> Self::Table;
    /// What the low halves stand for in one table, and the high halves in another.
    fn looked_up(self, codes: Bytes, tables: [Self::Table; 2]) -> [Self::Numbers; 2];
    fn f16(self, halves: &[u8; 2 * LANES]) -> Self::Numbers;
    fn bf16(self, halves: &[u8; 2 * LANES]) -> Self::Numbers;

    /// Thirty-two bytes of a block from `at` on.
    #[inline(always)]
    fn bytes<const LEN: usize>(self, block: &[u8; LEN], at: usize) -> Bytes32 {
        let bytes = block[at..].first_chunk().expect("a decoder knows the size of its block");
        // SAFETY: every width stands for AVX2 at least.
        unsafe { Bytes32::new(bytes) }
    }

    /// The half-precision number at a place of a block, sixteen times.
    #[inline(always)]
    fn half_at<const LEN: usize>(self, block: &[u8; LEN], at: usize) -> Self::Numbers {
        self.half([block[at], block[at + 1]])
    }

    /// As `half_at`, with the other sign.
    #[inline(always)]
    fn negated_half_at<const LEN: usize>(self, block: &[u8; LEN], at: usize) -> Self::Numbers {
        self.half([block[at], block[at + 1] ^ 0x80])
    }

    /// `scale * code` of signed codes.
    #[inline(always)]
    fn scaled(self, codes: Bytes, scale: Self::Numbers) -> Self::Numbers {
        self.product(self.signed(codes), scale)
    }

    /// `scale * code - min` of signed codes. What is multiplied here has so few bits that the product is exact: it does not matter
    /// that it is not rounded by itself.
    #[inline(always)]
    fn less_min(self, codes: Bytes, scale: Self::Numbers, min: Self::Numbers) -> Self::Numbers {
        self.product_less(self.signed(codes), scale, min)
    }

    /// `scale * value` for each value.
    #[inline(always)]
    fn scaled_table(self, values: &[i8; 16], scale: Self::Numbers) -> Self::Table {
        self.table(values, scale, self.zeros())
    }

    /// The scales of runs: `scale * code` of signed codes.
    #[inline(always)]
    fn scales(self, codes: Bytes, scale: Self::Numbers) -> [f32; 16] {
        self.store(self.scaled(codes, scale))
    }
}

/// AVX2, FMA and F16C.
#[derive(Clone, Copy)]
pub struct Eight(());

/// The parts of AVX-512 that every processor with it but the first has, as well.
#[derive(Clone, Copy)]
pub struct Sixteen(());

impl Eight {
    pub fn here() -> Option<Self> {
        (has!("avx2") && has!("fma") && has!("f16c")).then_some(Self(()))
    }
}

impl Sixteen {
    pub fn here() -> Option<Self> {
        let all = has!("avx512f") && has!("avx512bw") && has!("avx512dq") && has!("avx512vl");
        (all && Eight::here().is_some()).then_some(Self(()))
    }
}

// SAFETY (of all below): `self` says that the processor has the instructions, and registers are as long as what they are made of.
impl Width for Eight {
    type Numbers = [__m256; 2];
    /// The values, and what they are multiplied with and lessened by.
    type Table = (Bytes, [__m256; 2], [__m256; 2]);

    fn run<J: Job<Self>>(self, dtype: Dtype, job: J) -> Option<J::Done> {
        #[target_feature(enable = "avx2,fma,f16c")]
        fn compiled<J: Job<Eight>>(width: Eight, dtype: Dtype, job: J) -> Option<J::Done> {
            with_layout(width, dtype, job)
        }
        unsafe { compiled(self, dtype, job) }
    }

    #[inline(always)]
    fn zeros(self) -> Self::Numbers {
        unsafe { [_mm256_setzero_ps(); 2] }
    }

    #[inline(always)]
    fn load(self, numbers: &[f32; LANES]) -> Self::Numbers {
        unsafe { std::mem::transmute::<[f32; LANES], [__m256; 2]>(*numbers) }
    }

    #[inline(always)]
    fn store(self, numbers: Self::Numbers) -> [f32; LANES] {
        unsafe { std::mem::transmute::<[__m256; 2], [f32; LANES]>(numbers) }
    }

    #[inline(always)]
    fn fused(self, a: Self::Numbers, b: Self::Numbers, sum: Self::Numbers) -> Self::Numbers {
        unsafe { [_mm256_fmadd_ps(a[0], b[0], sum[0]), _mm256_fmadd_ps(a[1], b[1], sum[1])] }
    }

    #[inline(always)]
    fn all(self, number: f32) -> Self::Numbers {
        unsafe { [_mm256_set1_ps(number); 2] }
    }

    #[inline(always)]
    fn signed(self, codes: Bytes) -> Self::Numbers {
        unsafe {
            let low = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(codes.0));
            [low, _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(codes.last_eight().0))]
        }
    }

    #[inline(always)]
    fn more_where(self, bits: u16, codes: Bytes, by: i8) -> Bytes {
        unsafe {
            let places = _mm_set_epi8(1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0);
            let each = _mm_set1_epi64x(i64::from_le_bytes([1, 2, 4, 8, 16, 32, 64, 128]));
            let own = _mm_and_si128(_mm_shuffle_epi8(_mm_cvtsi32_si128(i32::from(bits)), places), each);
            let more = _mm_and_si128(_mm_cmpeq_epi8(own, each), _mm_set1_epi8(by));
            Bytes(_mm_add_epi8(codes.0, more))
        }
    }

    #[inline(always)]
    fn product(self, a: Self::Numbers, b: Self::Numbers) -> Self::Numbers {
        unsafe { [_mm256_mul_ps(a[0], b[0]), _mm256_mul_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn product_less(self, a: Self::Numbers, b: Self::Numbers, less: Self::Numbers) -> Self::Numbers {
        unsafe { [_mm256_fmsub_ps(a[0], b[0], less[0]), _mm256_fmsub_ps(a[1], b[1], less[1])] }
    }

    #[inline(always)]
    fn half(self, bytes: [u8; 2]) -> Self::Numbers {
        unsafe { [_mm256_cvtph_ps(_mm_set1_epi16(i16::from_le_bytes(bytes))); 2] }
    }

    #[inline(always)]
    fn table(self, values: &[i8; 16], scale: Self::Numbers, less: Self::Numbers) -> Self::Table {
        (Bytes::new(&values.map(|value| value as u8)), scale, less)
    }

    #[inline(always)]
    fn looked_up(self, codes: Bytes, tables: [Self::Table; 2]) -> [Self::Numbers; 2] {
        let ([low, high], [for_low, for_high]) = (codes.nibbles(), tables);
        unsafe {
            let low = Bytes(_mm_shuffle_epi8(for_low.0.0, low.0));
            let high = Bytes(_mm_shuffle_epi8(for_high.0.0, high.0));
            [self.less_min(low, for_low.1, for_low.2), self.less_min(high, for_high.1, for_high.2)]
        }
    }

    #[inline(always)]
    fn f16(self, halves: &[u8; 2 * LANES]) -> Self::Numbers {
        let [low, high] = self.bytes(halves, 0).halves();
        unsafe { [_mm256_cvtph_ps(low.0), _mm256_cvtph_ps(high.0)] }
    }

    #[inline(always)]
    fn bf16(self, halves: &[u8; 2 * LANES]) -> Self::Numbers {
        let [low, high] = self.bytes(halves, 0).halves();
        unsafe {
            let low = _mm256_slli_epi32::<16>(_mm256_cvtepu16_epi32(low.0));
            let high = _mm256_slli_epi32::<16>(_mm256_cvtepu16_epi32(high.0));
            [_mm256_castsi256_ps(low), _mm256_castsi256_ps(high)]
        }
    }
}

// SAFETY (of all below): as above.
impl Width for Sixteen {
    type Numbers = __m512;
    /// All sixteen numbers.
    type Table = __m512;

    fn run<J: Job<Self>>(self, dtype: Dtype, job: J) -> Option<J::Done> {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")]
        fn compiled<J: Job<Sixteen>>(width: Sixteen, dtype: Dtype, job: J) -> Option<J::Done> {
            with_layout(width, dtype, job)
        }
        unsafe { compiled(self, dtype, job) }
    }

    #[inline(always)]
    fn zeros(self) -> Self::Numbers {
        unsafe { _mm512_setzero_ps() }
    }

    #[inline(always)]
    fn load(self, numbers: &[f32; LANES]) -> Self::Numbers {
        unsafe { std::mem::transmute::<[f32; LANES], __m512>(*numbers) }
    }

    #[inline(always)]
    fn store(self, numbers: Self::Numbers) -> [f32; LANES] {
        unsafe { std::mem::transmute::<__m512, [f32; LANES]>(numbers) }
    }

    #[inline(always)]
    fn fused(self, a: Self::Numbers, b: Self::Numbers, sum: Self::Numbers) -> Self::Numbers {
        unsafe { _mm512_fmadd_ps(a, b, sum) }
    }

    #[inline(always)]
    fn all(self, number: f32) -> Self::Numbers {
        unsafe { _mm512_set1_ps(number) }
    }

    #[inline(always)]
    fn signed(self, codes: Bytes) -> Self::Numbers {
        unsafe { _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(codes.0)) }
    }

    #[inline(always)]
    fn more_where(self, bits: u16, codes: Bytes, by: i8) -> Bytes {
        unsafe { Bytes(_mm_mask_add_epi8(codes.0, bits, codes.0, _mm_set1_epi8(by))) }
    }

    #[inline(always)]
    fn product(self, a: Self::Numbers, b: Self::Numbers) -> Self::Numbers {
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    fn product_less(self, a: Self::Numbers, b: Self::Numbers, less: Self::Numbers) -> Self::Numbers {
        unsafe { _mm512_fmsub_ps(a, b, less) }
    }

    #[inline(always)]
    fn half(self, bytes: [u8; 2]) -> Self::Numbers {
        unsafe { _mm512_cvtph_ps(_mm256_set1_epi16(i16::from_le_bytes(bytes))) }
    }

    #[inline(always)]
    fn table(self, values: &[i8; 16], scale: Self::Numbers, less: Self::Numbers) -> Self::Table {
        self.less_min(Bytes::new(&values.map(|value| value as u8)), scale, less)
    }

    #[inline(always)]
    fn looked_up(self, codes: Bytes, tables: [Self::Table; 2]) -> [Self::Numbers; 2] {
        unsafe {
            let codes = _mm512_cvtepu8_epi32(codes.0);
            // Only the low four bits of a place count.
            let low = _mm512_permutexvar_ps(codes, tables[0]);
            [low, _mm512_permutexvar_ps(_mm512_srli_epi32::<4>(codes), tables[1])]
        }
    }

    #[inline(always)]
    fn f16(self, halves: &[u8; 2 * LANES]) -> Self::Numbers {
        unsafe { _mm512_cvtph_ps(std::mem::transmute::<[u8; 2 * LANES], __m256i>(*halves)) }
    }

    #[inline(always)]
    fn bf16(self, halves: &[u8; 2 * LANES]) -> Self::Numbers {
        unsafe {
            let halves = std::mem::transmute::<[u8; 2 * LANES], __m256i>(*halves);
            _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(halves)))
        }
    }
}
