//! Blocks of 32 numbers under one scale: the older GGUF formats, the non-linear 4-bit one, and MXFP4. The low halves of
//! the bytes are numbers 0 to 15, the high halves 16 to 31.
use fuel_quantized::iq4::KVALUES_IQ4NL;
use fuel_quantized::tq_mx_types::KVALUES_FP4;

use crate::half_at;

/// What the 16 codes of IQ4_NL and IQ4_XS stand for.
pub static NON_LINEAR: [i8; 16] = KVALUES_IQ4NL;
/// The 16 values of e2m1, doubled.
pub static E2M1: [i8; 16] = KVALUES_FP4;

pub fn q4_0(block: &[u8; 18], out: &mut [f32; 32]) {
    let scale = half_at(block, 0);
    for (at, &byte) in block[2..].iter().enumerate() {
        out[at] = scale * (f32::from(byte & 15) - 8.0);
        out[at + 16] = scale * (f32::from(byte >> 4) - 8.0);
    }
}

pub fn q4_1(block: &[u8; 20], out: &mut [f32; 32]) {
    let (scale, min) = (half_at(block, 0), half_at(block, 2));
    for (at, &byte) in block[4..].iter().enumerate() {
        out[at] = scale * f32::from(byte & 15) + min;
        out[at + 16] = scale * f32::from(byte >> 4) + min;
    }
}

pub fn q5_0(block: &[u8; 22], out: &mut [f32; 32]) {
    let scale = half_at(block, 0);
    let high = u32::from_le_bytes([block[2], block[3], block[4], block[5]]);
    for (at, &byte) in block[6..].iter().enumerate() {
        out[at] = scale * (fifth(byte & 15, high, at) - 16.0);
        out[at + 16] = scale * (fifth(byte >> 4, high, at + 16) - 16.0);
    }
}

pub fn q5_1(block: &[u8; 24], out: &mut [f32; 32]) {
    let (scale, min) = (half_at(block, 0), half_at(block, 2));
    let high = u32::from_le_bytes([block[4], block[5], block[6], block[7]]);
    for (at, &byte) in block[8..].iter().enumerate() {
        out[at] = scale * fifth(byte & 15, high, at) + min;
        out[at + 16] = scale * fifth(byte >> 4, high, at + 16) + min;
    }
}

pub fn q8_0(block: &[u8; 34], out: &mut [f32; 32]) {
    let scale = half_at(block, 0);
    for (value, &byte) in out.iter_mut().zip(&block[2..]) {
        *value = f32::from(byte as i8) * scale;
    }
}

pub fn iq4_nl(block: &[u8; 18], out: &mut [f32; 32]) {
    let scale = half_at(block, 0);
    for (at, &byte) in block[2..].iter().enumerate() {
        out[at] = scale * f32::from(NON_LINEAR[usize::from(byte & 15)]);
        out[at + 16] = scale * f32::from(NON_LINEAR[usize::from(byte >> 4)]);
    }
}

pub fn mxfp4(block: &[u8; 17], out: &mut [f32; 32]) {
    let scale = half_of_e8m0(block[0]);
    for (at, &byte) in block[1..].iter().enumerate() {
        out[at] = scale * f32::from(E2M1[usize::from(byte & 15)]);
        out[at + 16] = scale * f32::from(E2M1[usize::from(byte >> 4)]);
    }
}

/// A fifth bit above four.
fn fifth(low: u8, high: u32, at: usize) -> f32 {
    f32::from(low | (high >> at << 4) as u8 & 16)
}

/// Half of the power of two that an e8m0 byte stands for, because the table of e2m1 is doubled.
pub fn half_of_e8m0(byte: u8) -> f32 {
    f32::from_bits(if byte < 2 { 0x0020_0000 << byte } else { u32::from(byte - 1) << 23 })
}
