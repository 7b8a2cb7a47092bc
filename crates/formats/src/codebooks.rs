//! IQ1, IQ2 and IQ3: a code selects eight (or four) values from a grid, which get signs and a scale. The
//! grids come from the `fuel-quantized` crate.
//!
//! Multiplications are in the order of the reference, so that results are equal bit for bit.
use fuel_quantized::iq_grids;

use crate::f16_at;

// Statics, so that indexing does not copy the array.
static SIGNS: [u8; 128] = iq_grids::KSIGNS_IQ2XS;
static GRID_2XXS: [u64; 256] = iq_grids::IQ2XXS_GRID;
static GRID_2XS: [u64; 512] = iq_grids::IQ2XS_GRID;
static GRID_2S: [u64; 1024] = iq_grids::IQ2S_GRID;
static GRID_3XXS: [u32; 256] = iq_grids::IQ3XXS_GRID;
static GRID_3S: [u32; 512] = iq_grids::IQ3S_GRID;
static GRID_1: [u64; 2048] = iq_grids::IQ1S_GRID;

const DELTA: f32 = 0.125;

pub fn iq2_xxs(block: &[u8; 66], out: &mut [f32; 256]) {
    let scale = f16_at(block, 0);
    for (run, words) in out.as_chunks_mut::<32>().0.iter_mut().zip(block[2..].as_chunks::<8>().0) {
        let packed = u32_at(words, 4);
        let scale = scale * (0.5 + (packed >> 28) as f32) * 0.25;
        for (at, out) in run.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            let signs = SIGNS[(packed >> (7 * at) & 127) as usize];
            signed_grid(scale, GRID_2XXS[usize::from(words[at])], signs, out);
        }
    }
}

pub fn iq2_xs(block: &[u8; 74], out: &mut [f32; 256]) {
    let scale = f16_at(block, 0);
    let (codes, scales) = block[2..].split_at(64);
    for (at, out) in out.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        let code = u16::from_le_bytes([codes[at * 2], codes[at * 2 + 1]]);
        let scale = scale * (0.5 + f32::from(nibble(scales, at / 2))) * 0.25;
        signed_grid(scale, GRID_2XS[usize::from(code & 511)], SIGNS[usize::from(code >> 9)], out);
    }
}

pub fn iq2_s(block: &[u8; 82], out: &mut [f32; 256]) {
    let scale = f16_at(block, 0);
    let (codes, rest) = block[2..].split_at(32);
    let (signs, rest) = rest.split_at(32);
    let (high, scales) = rest.split_at(8);
    for (at, out) in out.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        let top = high[at / 4] >> (at % 4 * 2) & 3;
        let code = usize::from(codes[at]) | usize::from(top) << 8;
        let scale = scale * (0.5 + f32::from(nibble(scales, at / 2))) * 0.25;
        signed_grid(scale, GRID_2S[code], signs[at], out);
    }
}

pub fn iq3_xxs(block: &[u8; 98], out: &mut [f32; 256]) {
    let scale = f16_at(block, 0);
    let (codes, packed) = block[2..].split_at(64);
    for (at, out) in out.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        let packed = u32_at(packed, at / 4 * 4);
        let scale = scale * (0.5 + (packed >> 28) as f32) * 0.5;
        let signs = SIGNS[(packed >> (7 * (at % 4)) & 127) as usize];
        let grid = [codes[at * 2], codes[at * 2 + 1]].map(|code| GRID_3XXS[usize::from(code)]);
        signed_grid(scale, u64::from(grid[0]) | u64::from(grid[1]) << 32, signs, out);
    }
}

pub fn iq3_s(block: &[u8; 110], out: &mut [f32; 256]) {
    let scale = f16_at(block, 0);
    let (codes, rest) = block[2..].split_at(64);
    let (high, rest) = rest.split_at(8);
    let (signs, scales) = rest.split_at(32);
    for (at, out) in out.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        let scale = scale * f32::from(1 + 2 * nibble(scales, at / 4));
        let grid = [at * 2, at * 2 + 1].map(|four| {
            let top = high[four / 8] >> (four % 8) & 1;
            GRID_3S[usize::from(codes[four]) | usize::from(top) << 8]
        });
        signed_grid(scale, u64::from(grid[0]) | u64::from(grid[1]) << 32, signs[at], out);
    }
}

pub fn iq1_s(block: &[u8; 50], out: &mut [f32; 256]) {
    let scale = f16_at(block, 0);
    let (codes, high) = block[2..].split_at(32);
    for (at, out) in out.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        let high = u16::from_le_bytes([high[at / 4 * 2], high[at / 4 * 2 + 1]]);
        let scale = scale * f32::from(2 * (high >> 12 & 7) + 1);
        let delta = if high & 0x8000 == 0 { DELTA } else { -DELTA };
        let code = usize::from(codes[at]) | usize::from(high >> (at % 4 * 3) & 7) << 8;
        offset_grid(scale, GRID_1[code], delta, out);
    }
}

pub fn iq1_m(block: &[u8; 56], out: &mut [f32; 256]) {
    let (codes, rest) = block.split_at(32);
    let (high, scales) = rest.split_at(16);
    let scales: [u16; 4] = std::array::from_fn(|at| u16::from_le_bytes([scales[at * 2], scales[at * 2 + 1]]));
    // The block's scale is spread over the top four bits of the four words.
    let bits = scales[0] >> 12 | scales[1] >> 12 << 4 | scales[2] >> 12 << 8 | scales[3] >> 12 << 12;
    let scale = half::f16::from_bits(bits).to_f32();
    for (at, out) in out.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        let small = scales[at / 8] >> (at / 2 % 4 * 3) & 7;
        let scale = scale * f32::from(2 * small + 1);
        let high = high[at / 2] >> (at % 2 * 4);
        let delta = if high & 8 == 0 { DELTA } else { -DELTA };
        offset_grid(scale, GRID_1[usize::from(codes[at]) | usize::from(high & 7) << 8], delta, out);
    }
}

/// Eight unsigned bytes of a grid, each with its sign.
#[inline]
fn signed_grid(scale: f32, grid: u64, signs: u8, out: &mut [f32; 8]) {
    for (at, (value, byte)) in out.iter_mut().zip(grid.to_le_bytes()).enumerate() {
        let magnitude = scale * f32::from(byte);
        *value = if signs >> at & 1 == 0 { magnitude } else { -magnitude };
    }
}

/// Eight values of -1, 0 and 1, each plus `delta`.
#[inline]
fn offset_grid(scale: f32, grid: u64, delta: f32, out: &mut [f32; 8]) {
    for (value, byte) in out.iter_mut().zip(grid.to_le_bytes()) {
        *value = scale * (f32::from(byte as i8) + delta);
    }
}

fn nibble(bytes: &[u8], at: usize) -> u8 {
    bytes[at / 2] >> (at % 2 * 4) & 15
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
