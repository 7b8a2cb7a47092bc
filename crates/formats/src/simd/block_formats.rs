//! The block formats as decoders in registers, 16 values at a time. Each operation is the scalar decoder's
//! and rounds alike, so the bits are the same; where a code is shifted before the conversion to f32 here and
//! after it there, or a product is not rounded before a subtraction, both are exact.
//! Everything is `inline(always)`, so that it is compiled with the features of the calling instruction set;
//! loops are written out, because a closure that is passed to another function does not inherit those
//! features.
use super::Consumer;
use super::bytes::U8x16;
use super::vector::Simd;
use crate::LANES;
use crate::blocks::{KVALUES_IQ4NL, KVALUES_MXFP4, e8m0_to_half_f32};
use crate::superblocks::{iq4_xs_scales, q3_k_scales, unpack_scales_mins};

/// Blocks of `BYTES` bytes that hold `LEN` values.
pub trait BlockFormat<const BYTES: usize, const LEN: usize> {
    /// Passes the values of a block to `out` in order.
    fn decode<S: Simd>(simd: S, block: &[u8; BYTES], out: &mut impl Consumer<S>);
}

/// The values of 4-bit codes, unsigned and with an offset of -8.
const UNSIGNED_CODES: [i8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
const SIGNED_CODES: [i8; 16] = [-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7];

pub struct F32;
pub struct F16;
pub struct Bf16;
pub struct Q4_0;
pub struct Q4_1;
pub struct Q5_0;
pub struct Q5_1;
pub struct Q8_0;
pub struct Mxfp4;
pub struct Iq4Nl;
pub struct Iq4Xs;
pub struct Q2K;
pub struct Q3K;
pub struct Q4K;
pub struct Q5K;
pub struct Q6K;

impl BlockFormat<64, LANES> for F32 {
    #[inline(always)]
    fn decode<S: Simd>(simd: S, block: &[u8; 64], out: &mut impl Consumer<S>) {
        let values = block.as_chunks::<4>().0.first_chunk::<LANES>().expect("four bytes each");
        out.accept(0, simd.load(&values.map(f32::from_le_bytes)));
    }
}

impl BlockFormat<32, LANES> for F16 {
    #[inline(always)]
    fn decode<S: Simd>(simd: S, block: &[u8; 32], out: &mut impl Consumer<S>) {
        out.accept(0, simd.f16(block));
    }
}

impl BlockFormat<32, LANES> for Bf16 {
    #[inline(always)]
    fn decode<S: Simd>(simd: S, block: &[u8; 32], out: &mut impl Consumer<S>) {
        out.accept(0, simd.bf16(block));
    }
}

impl BlockFormat<18, 32> for Q4_0 {
    #[inline(always)]
    fn decode<S: Simd>(simd: S, block: &[u8; 18], out: &mut impl Consumer<S>) {
        let table = simd.scaled_lut16(&SIGNED_CODES, simd.f16_splat_at(block, 0));
        lookup(simd, U8x16::at(block, 2), table, 0, out);
    }
}

impl BlockFormat<20, 32> for Q4_1 {
    #[inline(always)]
    fn decode<S: Simd>(simd: S, block: &[u8; 20], out: &mut impl Consumer<S>) {
        let table = simd.lut16(&UNSIGNED_CODES, simd.f16_splat_at(block, 0), simd.neg_f16_splat_at(block, 2));
        lookup(simd, U8x16::at(block, 4), table, 0, out);
    }
}

impl BlockFormat<22, 32> for Q5_0 {
    #[inline(always)]
    fn decode<S: Simd>(simd: S, block: &[u8; 22], out: &mut impl Consumer<S>) {
        let scale = simd.f16_splat_at(block, 0);
        let [low, high] = U8x16::at(block, 6).nibbles();
        out.accept(0, simd.scale_i8(simd.mask_add(!u16_at(block, 2), low, -16), scale));
        out.accept(1, simd.scale_i8(simd.mask_add(!u16_at(block, 4), high, -16), scale));
    }
}

impl BlockFormat<24, 32> for Q5_1 {
    #[inline(always)]
    fn decode<S: Simd>(simd: S, block: &[u8; 24], out: &mut impl Consumer<S>) {
        let (scale, neg_min) = (simd.f16_splat_at(block, 0), simd.neg_f16_splat_at(block, 2));
        let [low, high] = U8x16::at(block, 8).nibbles();
        out.accept(0, simd.scale_sub_min(simd.mask_add(u16_at(block, 4), low, 16), scale, neg_min));
        out.accept(1, simd.scale_sub_min(simd.mask_add(u16_at(block, 6), high, 16), scale, neg_min));
    }
}

impl BlockFormat<34, 32> for Q8_0 {
    #[inline(always)]
    fn decode<S: Simd>(simd: S, block: &[u8; 34], out: &mut impl Consumer<S>) {
        let scale = simd.f16_splat_at(block, 0);
        out.accept(0, simd.scale_i8(U8x16::at(block, 2), scale));
        out.accept(1, simd.scale_i8(U8x16::at(block, 18), scale));
    }
}

impl BlockFormat<17, 32> for Mxfp4 {
    #[inline(always)]
    fn decode<S: Simd>(simd: S, block: &[u8; 17], out: &mut impl Consumer<S>) {
        let table = simd.scaled_lut16(&KVALUES_MXFP4, simd.splat(e8m0_to_half_f32(block[0])));
        lookup(simd, U8x16::at(block, 1), table, 0, out);
    }
}

impl BlockFormat<18, 32> for Iq4Nl {
    #[inline(always)]
    fn decode<S: Simd>(simd: S, block: &[u8; 18], out: &mut impl Consumer<S>) {
        let table = simd.scaled_lut16(&KVALUES_IQ4NL, simd.f16_splat_at(block, 0));
        lookup(simd, U8x16::at(block, 2), table, 0, out);
    }
}

impl BlockFormat<136, 256> for Iq4Xs {
    #[inline(always)]
    fn decode<S: Simd>(simd: S, block: &[u8; 136], out: &mut impl Consumer<S>) {
        let scales = simd.sub_scales(U8x16::new(&iq4_xs_scales(block)).sub(32), simd.f16_splat_at(block, 0));
        for (sub_block, scale) in in_memory(&scales).iter().enumerate().take(8) {
            let codes = U8x16::at(block, 8 + sub_block * 16);
            lookup(simd, codes, simd.scaled_lut16(&KVALUES_IQ4NL, simd.splat(*scale)), 2 * sub_block, out);
        }
    }
}

impl BlockFormat<84, 256> for Q2K {
    #[inline(always)]
    fn decode<S: Simd>(simd: S, block: &[u8; 84], out: &mut impl Consumer<S>) {
        let [scales, mins] = U8x16::at(block, 0).nibbles();
        let scales = simd.sub_scales(scales, simd.f16_splat_at(block, 80));
        let mins = simd.sub_scales(mins, simd.f16_splat_at(block, 82));
        let (scales, mins) = (in_memory(&scales), in_memory(&mins));
        for chunk in 0..16 {
            let codes = U8x16::at(block, 16 + chunk / 8 * 32 + chunk % 2 * 16).shr(chunk % 8 / 2 * 2).and(3);
            out.accept(chunk, simd.scale_sub_min(codes, simd.splat(scales[chunk]), simd.splat(mins[chunk])));
        }
    }
}

impl BlockFormat<110, 256> for Q3K {
    #[inline(always)]
    fn decode<S: Simd>(simd: S, block: &[u8; 110], out: &mut impl Consumer<S>) {
        let scales = U8x16::new(&q3_k_scales(block)).sub(32);
        let scales = simd.sub_scales(scales, simd.f16_splat_at(block, 108));
        for (chunk, scale) in in_memory(&scales).iter().enumerate() {
            let side = chunk % 2 * 16;
            let low = U8x16::at(block, 32 + chunk / 8 * 32 + side).shr(chunk % 8 / 2 * 2).and(3);
            let third = U8x16::at(block, side).shr(chunk / 2).and(1);
            let codes = low.or(third.shl(2)).sub(4);
            out.accept(chunk, simd.scale_i8(codes, simd.splat(*scale)));
        }
    }
}

impl BlockFormat<144, 256> for Q4K {
    #[inline(always)]
    fn decode<S: Simd>(simd: S, block: &[u8; 144], out: &mut impl Consumer<S>) {
        let (scales, mins) = sub_scales_and_mins(simd, block);
        let (scales, mins) = (in_memory(&scales), in_memory(&mins));
        for pair in 0..4 {
            let (low, high) = (2 * pair, 2 * pair + 1);
            let low = simd.lut16(&UNSIGNED_CODES, simd.splat(scales[low]), simd.splat(mins[low]));
            let tables = [low, simd.lut16(&UNSIGNED_CODES, simd.splat(scales[high]), simd.splat(mins[high]))];
            let first = simd.lookup(U8x16::at(block, 16 + pair * 32), tables);
            let second = simd.lookup(U8x16::at(block, 32 + pair * 32), tables);
            for half in 0..2 {
                out.accept(pair * 4 + 2 * half, first[half]);
                out.accept(pair * 4 + 2 * half + 1, second[half]);
            }
        }
    }
}

impl BlockFormat<176, 256> for Q5K {
    #[inline(always)]
    fn decode<S: Simd>(simd: S, block: &[u8; 176], out: &mut impl Consumer<S>) {
        let (scales, mins) = sub_scales_and_mins(simd, block);
        let (scales, mins) = (in_memory(&scales), in_memory(&mins));
        let high = simd.u8x32_at(block, 16);
        for sub_block in 0..8 {
            let low = simd.u8x32_at(block, 48 + sub_block / 2 * 32).extract_bits(sub_block % 2 * 4, 15, 0);
            let codes = low.or(high.extract_bits(sub_block, 1, 4)).halves();
            let (scale, min) = (simd.splat(scales[sub_block]), simd.splat(mins[sub_block]));
            out.accept(2 * sub_block, simd.scale_sub_min(codes[0], scale, min));
            out.accept(2 * sub_block + 1, simd.scale_sub_min(codes[1], scale, min));
        }
    }
}

impl BlockFormat<210, 256> for Q6K {
    #[inline(always)]
    fn decode<S: Simd>(simd: S, block: &[u8; 210], out: &mut impl Consumer<S>) {
        let scales = simd.sub_scales(U8x16::at(block, 192), simd.f16_splat_at(block, 208));
        let scales = in_memory(&scales);
        for sub_block in 0..8 {
            // 128 values share 64 bytes of low bits and 32 of high bits: four sub-blocks of 32.
            let (half, within) = (sub_block / 4, sub_block % 4);
            let low = simd.u8x32_at(block, half * 64 + within % 2 * 32).extract_bits(within / 2 * 4, 15, 0);
            let high = simd.u8x32_at(block, 128 + half * 32).extract_bits(within * 2, 3, 4);
            let codes = low.or(high).sub(32).halves();
            for (side, codes) in codes.into_iter().enumerate() {
                let chunk = 2 * sub_block + side;
                out.accept(chunk, simd.scale_i8(codes, simd.splat(scales[chunk])));
            }
        }
    }
}

/// The little-endian u16 at byte `at` of a block.
#[inline(always)]
fn u16_at<const LEN: usize>(block: &[u8; LEN], at: usize) -> u16 {
    u16::from_le_bytes([block[at], block[at + 1]])
}

/// The scales and minimums of the eight sub-blocks of Q4_K and Q5_K, in the first eight lanes.
#[inline(always)]
fn sub_scales_and_mins<const LEN: usize>(simd: impl Simd, block: &[u8; LEN]) -> ([f32; 16], [f32; 16]) {
    let [scales, mins] =
        unpack_scales_mins(block[4..].first_chunk().expect("a block has 12 bytes of scales"));
    (
        simd.sub_scales(U8x16::low_half(scales), simd.f16_splat_at(block, 0)),
        simd.sub_scales(U8x16::low_half(mins), simd.f16_splat_at(block, 2)),
    )
}

/// Keeps scales in memory: a broadcast load is free, while the compiler, which sees the store, would shuffle
/// registers twice instead.
#[inline(always)]
fn in_memory(scales: &[f32; 16]) -> &[f32; 16] {
    std::hint::black_box(scales)
}

/// Looks up both nibbles of 16 bytes: chunks `chunk` and `chunk + 1`.
#[inline(always)]
fn lookup<S: Simd>(simd: S, codes: U8x16, table: S::Lut16, chunk: usize, out: &mut impl Consumer<S>) {
    let [low, high] = simd.lookup(codes, [table; 2]);
    out.accept(chunk, low);
    out.accept(chunk + 1, high);
}
