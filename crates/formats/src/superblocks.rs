//! Super-blocks of 256 values in sub-blocks of 16 or 32, each with a small integer scale under the scale of
//! the block: Q2_K to Q6_K, and IQ4_XS, which differs by its table of values.
use crate::blocks::KVALUES_IQ4NL;
use crate::f16_at;

pub fn q2_k(block: &[u8; 84], out: &mut [f32; 256]) {
    let (scales, rest) = block.split_at(16);
    let (codes, rest) = rest.split_at(64);
    let (scale, min) = (f16_at(rest, 0), f16_at(rest, 2));
    for (sub_block, (out, &pair)) in out.as_chunks_mut::<16>().0.iter_mut().zip(scales).enumerate() {
        let (scale, min) = (scale * f32::from(pair & 15), min * f32::from(pair >> 4));
        // 128 values share 32 bytes: four groups of 32, two bits each.
        let (half, within) = (sub_block / 8, sub_block % 8);
        let codes = &codes[half * 32 + within % 2 * 16..][..16];
        for (value, &byte) in out.iter_mut().zip(codes) {
            *value = scale * f32::from(byte >> (within / 2 * 2) & 3) - min;
        }
    }
}

pub fn q3_k(block: &[u8; 110], out: &mut [f32; 256]) {
    let (high, rest) = block.split_at(32);
    let codes = &rest[..64];
    let (scale, scales) = (f16_at(block, 108), q3_k_scales(block));
    for (sub_block, out) in out.as_chunks_mut::<16>().0.iter_mut().enumerate() {
        let scale = scale * (f32::from(scales[sub_block]) - 32.0);
        let (half, within) = (sub_block / 8, sub_block % 8);
        let side = within % 2 * 16;
        let codes = &codes[half * 32 + side..][..16];
        for (value, (&byte, &high)) in out.iter_mut().zip(codes.iter().zip(&high[side..])) {
            // A clear third bit subtracts four.
            let third = high >> (sub_block / 2) & 1;
            *value = scale * (f32::from(byte >> (within / 2 * 2) & 3 | third << 2) - 4.0);
        }
    }
}

pub fn q4_k(block: &[u8; 144], out: &mut [f32; 256]) {
    let (scale, min) = (f16_at(block, 0), f16_at(block, 2));
    let (scales, codes) = block[4..].split_first_chunk().expect("a block has 12 bytes of scales");
    let [scales, mins] = unpack_scales_mins(scales);
    for (sub_block, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
        let (scale, min) = (scale * f32::from(scales[sub_block]), min * f32::from(mins[sub_block]));
        let codes = &codes[sub_block / 2 * 32..][..32];
        for (value, &byte) in out.iter_mut().zip(codes) {
            *value = scale * f32::from(byte >> (sub_block % 2 * 4) & 15) - min;
        }
    }
}

pub fn q5_k(block: &[u8; 176], out: &mut [f32; 256]) {
    let (scale, min) = (f16_at(block, 0), f16_at(block, 2));
    let (scales, rest) = block[4..].split_first_chunk().expect("a block has 12 bytes of scales");
    let [scales, mins] = unpack_scales_mins(scales);
    let (high, codes) = rest.split_at(32);
    for (sub_block, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
        let (scale, min) = (scale * f32::from(scales[sub_block]), min * f32::from(mins[sub_block]));
        let codes = &codes[sub_block / 2 * 32..][..32];
        for (value, (&byte, &high)) in out.iter_mut().zip(codes.iter().zip(high)) {
            let code = byte >> (sub_block % 2 * 4) & 15 | (high >> sub_block & 1) << 4;
            *value = scale * f32::from(code) - min;
        }
    }
}

pub fn q6_k(block: &[u8; 210], out: &mut [f32; 256]) {
    let (low, rest) = block.split_at(128);
    let (high, scales) = rest.split_at(64);
    let scale = f16_at(scales, 16);
    for (sub_block, out) in out.as_chunks_mut::<16>().0.iter_mut().enumerate() {
        let scale = scale * f32::from(scales[sub_block] as i8);
        // 128 values share 64 bytes of low bits and 32 of high bits: four quarters of 32.
        let (half, quarter, side) = (sub_block / 8, sub_block % 8 / 2, sub_block % 2 * 16);
        let low = &low[half * 64 + quarter % 2 * 32 + side..][..16];
        let high = &high[half * 32 + side..][..16];
        for (value, (&low, &high)) in out.iter_mut().zip(low.iter().zip(high)) {
            let code = low >> (quarter / 2 * 4) & 15 | (high >> (quarter * 2) & 3) << 4;
            *value = scale * (f32::from(code) - 32.0);
        }
    }
}

pub fn iq4_xs(block: &[u8; 136], out: &mut [f32; 256]) {
    let (scale, scales) = (f16_at(block, 0), iq4_xs_scales(block));
    for (sub_block, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
        let scale = scale * (f32::from(scales[sub_block]) - 32.0);
        for (at, &byte) in block[8 + sub_block * 16..][..16].iter().enumerate() {
            out[at] = scale * f32::from(KVALUES_IQ4NL[usize::from(byte & 15)]);
            out[at + 16] = scale * f32::from(KVALUES_IQ4NL[usize::from(byte >> 4)]);
        }
    }
}

/// The 6-bit scales of 16 sub-blocks, offset by 32: low bits in eight bytes, high bits in four.
#[inline(always)]
pub fn q3_k_scales(block: &[u8; 110]) -> [u8; 16] {
    let u32_at = |at: usize| u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]]);
    let (first, second, top) = (u32_at(96), u32_at(100), u32_at(104));
    let merge = |low: u32, top: u32| u128::from(low & 0x0F0F_0F0F | (top & 0x0303_0303) << 4);
    let words = [
        merge(first, top),
        merge(second, top >> 2),
        merge(first >> 4, top >> 4),
        merge(second >> 4, top >> 6),
    ];
    (words[0] | words[1] << 32 | words[2] << 64 | words[3] << 96).to_le_bytes()
}

/// The 6-bit scales of eight sub-blocks, offset by 32: high bits in two bytes, low bits in four. The last
/// eight bytes of the result are unused.
#[inline(always)]
pub fn iq4_xs_scales(block: &[u8; 136]) -> [u8; 16] {
    let high = u16::from_le_bytes([block[2], block[3]]);
    let mut scales = [0; 16];
    for sub_block in 0..8 {
        let low = block[4 + sub_block / 2] >> (sub_block % 2 * 4) & 15;
        scales[sub_block] = low | ((high >> (sub_block * 2) & 3) as u8) << 4;
    }
    scales
}

/// The 6-bit scales and minimums of eight sub-blocks, from 12 bytes. Those of the first four fill the low six
/// bits of a byte; the others have their low bits in the last four bytes and their high bits above the first
/// four.
#[inline(always)]
pub fn unpack_scales_mins(packed: &[u8; 12]) -> [[u8; 8]; 2] {
    let u32_at = |at: usize| u32::from_le_bytes([packed[at], packed[at + 1], packed[at + 2], packed[at + 3]]);
    let (scales, mins, low) = (u32_at(0), u32_at(4), u32_at(8));
    let merge = |plain: u32, low: u32| {
        let last = low & 0x0F0F_0F0F | (plain >> 6 & 0x0303_0303) << 4;
        (u64::from(plain & 0x3F3F_3F3F) | u64::from(last) << 32).to_le_bytes()
    };
    [merge(scales, low), merge(mins, low >> 4)]
}
