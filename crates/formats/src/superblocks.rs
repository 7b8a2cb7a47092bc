//! Blocks of 256 numbers in runs of 16 or 32, each run with a small scale of its own under the block's scale: Q2_K to
//! Q6_K, and IQ4_XS, which differs by its table of values.
use crate::blocks::NON_LINEAR;
use crate::half_at;

pub fn q2_k(block: &[u8; 84], out: &mut [f32; 256]) {
    let (scales, rest) = block.split_at(16);
    let (codes, rest) = rest.split_at(64);
    let (scale, min) = (half_at(rest, 0), half_at(rest, 2));
    for (run, (out, &pair)) in out.as_chunks_mut::<16>().0.iter_mut().zip(scales).enumerate() {
        let (scale, min) = (scale * f32::from(pair & 15), min * f32::from(pair >> 4));
        // 128 numbers share 32 bytes: four runs of 32, two bits each.
        let (half, within) = (run / 8, run % 8);
        let codes = &codes[half * 32 + within % 2 * 16..][..16];
        for (value, &byte) in out.iter_mut().zip(codes) {
            *value = scale * f32::from(byte >> (within / 2 * 2) & 3) - min;
        }
    }
}

pub fn q3_k(block: &[u8; 110], out: &mut [f32; 256]) {
    let (high, rest) = block.split_at(32);
    let codes = &rest[..64];
    let (scale, scales) = (half_at(block, 108), q3_k_scales(block));
    for (run, out) in out.as_chunks_mut::<16>().0.iter_mut().enumerate() {
        let scale = scale * (f32::from(scales[run]) - 32.0);
        let (half, within) = (run / 8, run % 8);
        let side = within % 2 * 16;
        let codes = &codes[half * 32 + side..][..16];
        for (value, (&byte, &high)) in out.iter_mut().zip(codes.iter().zip(&high[side..])) {
            // The third bit says that four is not to be taken away.
            let third = high >> (run / 2) & 1;
            *value = scale * (f32::from(byte >> (within / 2 * 2) & 3 | third << 2) - 4.0);
        }
    }
}

pub fn q4_k(block: &[u8; 144], out: &mut [f32; 256]) {
    let (scale, min) = (half_at(block, 0), half_at(block, 2));
    let (scales, codes) = block[4..].split_first_chunk().expect("a block has 12 bytes of scales");
    let [scales, minima] = scales_and_minima(scales);
    for (run, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
        let (scale, min) = (scale * f32::from(scales[run]), min * f32::from(minima[run]));
        let codes = &codes[run / 2 * 32..][..32];
        for (value, &byte) in out.iter_mut().zip(codes) {
            *value = scale * f32::from(byte >> (run % 2 * 4) & 15) - min;
        }
    }
}

pub fn q5_k(block: &[u8; 176], out: &mut [f32; 256]) {
    let (scale, min) = (half_at(block, 0), half_at(block, 2));
    let (scales, rest) = block[4..].split_first_chunk().expect("a block has 12 bytes of scales");
    let [scales, minima] = scales_and_minima(scales);
    let (high, codes) = rest.split_at(32);
    for (run, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
        let (scale, min) = (scale * f32::from(scales[run]), min * f32::from(minima[run]));
        let codes = &codes[run / 2 * 32..][..32];
        for (value, (&byte, &high)) in out.iter_mut().zip(codes.iter().zip(high)) {
            let code = byte >> (run % 2 * 4) & 15 | (high >> run & 1) << 4;
            *value = scale * f32::from(code) - min;
        }
    }
}

pub fn q6_k(block: &[u8; 210], out: &mut [f32; 256]) {
    let (low, rest) = block.split_at(128);
    let (high, scales) = rest.split_at(64);
    let scale = half_at(scales, 16);
    for (run, out) in out.as_chunks_mut::<16>().0.iter_mut().enumerate() {
        let scale = scale * f32::from(scales[run] as i8);
        // 128 numbers share 64 low bytes and 32 high ones: four quarters of 32.
        let (half, quarter, side) = (run / 8, run % 8 / 2, run % 2 * 16);
        let low = &low[half * 64 + quarter % 2 * 32 + side..][..16];
        let high = &high[half * 32 + side..][..16];
        for (value, (&low, &high)) in out.iter_mut().zip(low.iter().zip(high)) {
            let code = low >> (quarter / 2 * 4) & 15 | (high >> (quarter * 2) & 3) << 4;
            *value = scale * (f32::from(code) - 32.0);
        }
    }
}

pub fn iq4_xs(block: &[u8; 136], out: &mut [f32; 256]) {
    let (scale, scales) = (half_at(block, 0), iq4_xs_scales(block));
    for (run, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
        let scale = scale * (f32::from(scales[run]) - 32.0);
        for (at, &byte) in block[8 + run * 16..][..16].iter().enumerate() {
            out[at] = scale * f32::from(NON_LINEAR[usize::from(byte & 15)]);
            out[at + 16] = scale * f32::from(NON_LINEAR[usize::from(byte >> 4)]);
        }
    }
}

/// What 16 runs multiply the block's scale with, and 32 more: 6 bits, low ones in eight bytes, high ones in four.
#[inline(always)]
pub fn q3_k_scales(block: &[u8; 110]) -> [u8; 16] {
    let word = |at: usize| u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]]);
    let (first, second, top) = (word(96), word(100), word(104));
    let joined = |low: u32, top: u32| u128::from(low & 0x0F0F_0F0F | (top & 0x0303_0303) << 4);
    let words = [
        joined(first, top),
        joined(second, top >> 2),
        joined(first >> 4, top >> 4),
        joined(second >> 4, top >> 6),
    ];
    (words[0] | words[1] << 32 | words[2] << 64 | words[3] << 96).to_le_bytes()
}

/// What eight runs multiply the block's scale with, and 32 more: 6 bits, high ones in two bytes, low ones in four. Eight more
/// bytes mean nothing.
#[inline(always)]
pub fn iq4_xs_scales(block: &[u8; 136]) -> [u8; 16] {
    let high = u16::from_le_bytes([block[2], block[3]]);
    let mut scales = [0; 16];
    for run in 0..8 {
        let low = block[4 + run / 2] >> (run % 2 * 4) & 15;
        scales[run] = low | ((high >> (run * 2) & 3) as u8) << 4;
    }
    scales
}

/// The 6-bit scales and minima of eight runs, out of 12 bytes: those of the first four runs lie plainly, the others have
/// their low bits in the last four bytes and their high bits above the plain ones.
#[inline(always)]
pub fn scales_and_minima(packed: &[u8; 12]) -> [[u8; 8]; 2] {
    let word = |at: usize| u32::from_le_bytes([packed[at], packed[at + 1], packed[at + 2], packed[at + 3]]);
    let (scales, minima, low) = (word(0), word(4), word(8));
    let joined = |plain: u32, low: u32| {
        let last = low & 0x0F0F_0F0F | (plain >> 6 & 0x0303_0303) << 4;
        (u64::from(plain & 0x3F3F_3F3F) | u64::from(last) << 32).to_le_bytes()
    };
    [joined(scales, low), joined(minima, low >> 4)]
}
