//! The vector operations that the decoders need, as a trait with one implementation per instruction set. All
//! operations work on 16 values, so every implementation adds in the same order.
//!
//! A value of a type with this trait proves that the processor has the instructions.
use super::Kernel;
use super::bytes::{U8x16, U8x32};
use crate::{Dtype, LANES};

/// Operations on 16 values beyond what every x86-64 processor has.
pub trait Simd: Copy {
    /// 16 f32 values in registers.
    type F32x16: Copy;
    /// A table of 16 f32 values in registers, indexed by 4-bit codes.
    type Lut16: Copy;

    /// Runs `kernel`, compiled for this instruction set; `None` when `dtype` has no decoder in registers.
    fn dispatch<K: Kernel<Self>>(self, dtype: Dtype, kernel: K) -> Option<K::Output>;

    fn zeros(self) -> Self::F32x16;
    fn load(self, values: &[f32; LANES]) -> Self::F32x16;
    fn store(self, values: Self::F32x16) -> [f32; LANES];
    /// `a * b + c`, rounded once.
    fn mul_add(self, a: Self::F32x16, b: Self::F32x16, c: Self::F32x16) -> Self::F32x16;
    /// `value` in all 16 lanes.
    fn splat(self, value: f32) -> Self::F32x16;
    /// Signed bytes to f32.
    fn i8_to_f32(self, codes: U8x16) -> Self::F32x16;
    /// Adds `addend` to the bytes whose bit is set in `mask`: for formats that store one bit of a code
    /// separately.
    fn mask_add(self, mask: u16, codes: U8x16, addend: i8) -> U8x16;
    fn mul(self, a: Self::F32x16, b: Self::F32x16) -> Self::F32x16;
    /// `a * b - c`, rounded once.
    fn mul_sub(self, a: Self::F32x16, b: Self::F32x16, c: Self::F32x16) -> Self::F32x16;
    /// A little-endian f16 in all 16 lanes.
    fn f16_splat(self, bytes: [u8; 2]) -> Self::F32x16;
    /// The table of `scale * value - min` for each of `values`.
    fn lut16(self, values: &[i8; 16], scale: Self::F32x16, min: Self::F32x16) -> Self::Lut16;
    /// The low nibbles of `codes` looked up in the first table, the high nibbles in the second.
    fn lookup(self, codes: U8x16, tables: [Self::Lut16; 2]) -> [Self::F32x16; 2];
    fn f16(self, halves: &[u8; 2 * LANES]) -> Self::F32x16;
    fn bf16(self, halves: &[u8; 2 * LANES]) -> Self::F32x16;

    /// 32 bytes of a block from `at` on.
    #[inline(always)]
    fn u8x32_at<const LEN: usize>(self, block: &[u8; LEN], at: usize) -> U8x32 {
        let bytes = block[at..].first_chunk().expect("a decoder knows the size of its block");
        // SAFETY: every implementation of this trait includes AVX2.
        unsafe { U8x32::new(bytes) }
    }

    /// The f16 at byte `at` of a block, in all 16 lanes.
    #[inline(always)]
    fn f16_splat_at<const LEN: usize>(self, block: &[u8; LEN], at: usize) -> Self::F32x16 {
        self.f16_splat([block[at], block[at + 1]])
    }

    /// The negated f16 at byte `at` of a block, in all 16 lanes.
    #[inline(always)]
    fn neg_f16_splat_at<const LEN: usize>(self, block: &[u8; LEN], at: usize) -> Self::F32x16 {
        self.f16_splat([block[at], block[at + 1] ^ 0x80])
    }

    /// `scale * code` of signed codes.
    #[inline(always)]
    fn scale_i8(self, codes: U8x16, scale: Self::F32x16) -> Self::F32x16 {
        self.mul(self.i8_to_f32(codes), scale)
    }

    /// `scale * code - min` of signed codes. The factors have so few bits that the product is exact, so the
    /// single rounding of `mul_sub` gives the same bits as rounding the product first.
    #[inline(always)]
    fn scale_sub_min(self, codes: U8x16, scale: Self::F32x16, min: Self::F32x16) -> Self::F32x16 {
        self.mul_sub(self.i8_to_f32(codes), scale, min)
    }

    /// The table of `scale * value`.
    #[inline(always)]
    fn scaled_lut16(self, values: &[i8; 16], scale: Self::F32x16) -> Self::Lut16 {
        self.lut16(values, scale, self.zeros())
    }

    /// The scales of 16 sub-blocks: `scale * code` of signed codes.
    #[inline(always)]
    fn sub_scales(self, codes: U8x16, scale: Self::F32x16) -> [f32; 16] {
        self.store(self.scale_i8(codes, scale))
    }
}
