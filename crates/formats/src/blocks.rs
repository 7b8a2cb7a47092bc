//! Blocks of 32 values with one scale: the older GGUF formats, IQ4_NL and MXFP4. The low nibbles are values 0
//! to 15, the high nibbles 16 to 31.
use fuel_quantized::{iq4, tq_mx_types};

use crate::f16_at;

/// The values of the 16 codes of IQ4_NL and IQ4_XS.
pub static KVALUES_IQ4NL: [i8; 16] = iq4::KVALUES_IQ4NL;
/// The 16 values of e2m1, doubled so that all are integers.
pub static KVALUES_MXFP4: [i8; 16] = tq_mx_types::KVALUES_FP4;

pub fn q4_0(block: &[u8; 18], out: &mut [f32; 32]) {
    let scale = f16_at(block, 0);
    for (at, &byte) in block[2..].iter().enumerate() {
        out[at] = scale * (f32::from(byte & 15) - 8.0);
        out[at + 16] = scale * (f32::from(byte >> 4) - 8.0);
    }
}

pub fn q4_1(block: &[u8; 20], out: &mut [f32; 32]) {
    let (scale, min) = (f16_at(block, 0), f16_at(block, 2));
    for (at, &byte) in block[4..].iter().enumerate() {
        out[at] = scale * f32::from(byte & 15) + min;
        out[at + 16] = scale * f32::from(byte >> 4) + min;
    }
}

pub fn q5_0(block: &[u8; 22], out: &mut [f32; 32]) {
    let scale = f16_at(block, 0);
    let high = u32::from_le_bytes([block[2], block[3], block[4], block[5]]);
    for (at, &byte) in block[6..].iter().enumerate() {
        out[at] = scale * (with_high_bit(byte & 15, high, at) - 16.0);
        out[at + 16] = scale * (with_high_bit(byte >> 4, high, at + 16) - 16.0);
    }
}

pub fn q5_1(block: &[u8; 24], out: &mut [f32; 32]) {
    let (scale, min) = (f16_at(block, 0), f16_at(block, 2));
    let high = u32::from_le_bytes([block[4], block[5], block[6], block[7]]);
    for (at, &byte) in block[8..].iter().enumerate() {
        out[at] = scale * with_high_bit(byte & 15, high, at) + min;
        out[at + 16] = scale * with_high_bit(byte >> 4, high, at + 16) + min;
    }
}

pub fn q8_0(block: &[u8; 34], out: &mut [f32; 32]) {
    let scale = f16_at(block, 0);
    for (value, &byte) in out.iter_mut().zip(&block[2..]) {
        *value = f32::from(byte as i8) * scale;
    }
}

pub fn iq4_nl(block: &[u8; 18], out: &mut [f32; 32]) {
    let scale = f16_at(block, 0);
    for (at, &byte) in block[2..].iter().enumerate() {
        out[at] = scale * f32::from(KVALUES_IQ4NL[usize::from(byte & 15)]);
        out[at + 16] = scale * f32::from(KVALUES_IQ4NL[usize::from(byte >> 4)]);
    }
}

pub fn mxfp4(block: &[u8; 17], out: &mut [f32; 32]) {
    let scale = e8m0_to_half_f32(block[0]);
    for (at, &byte) in block[1..].iter().enumerate() {
        out[at] = scale * f32::from(KVALUES_MXFP4[usize::from(byte & 15)]);
        out[at + 16] = scale * f32::from(KVALUES_MXFP4[usize::from(byte >> 4)]);
    }
}

/// A four-bit code with its fifth bit, bit `at` of `high`.
fn with_high_bit(low: u8, high: u32, at: usize) -> f32 {
    f32::from(low | (high >> at << 4) as u8 & 16)
}

/// Half of the power of two that an e8m0 byte encodes, because [`KVALUES_MXFP4`] is doubled.
pub fn e8m0_to_half_f32(byte: u8) -> f32 {
    f32::from_bits(if byte < 2 { 0x0020_0000 << byte } else { u32::from(byte - 1) << 23 })
}
