//! Encoding of f32 values: to the dense formats, and to the ones that a model is requantised to at load.
//! The other formats can only be decoded.
use half::{bf16, f16};

use crate::{Dtype, encode_k, f32_to_e4m3};

/// Appends `values` encoded as `dtype`: F32, F16, BF16, F8E4M3 (without scales, saturating), Q8_0, Q6K or
/// Q4K.
///
/// # Panics
/// When `values` does not fill whole blocks, or `dtype` can only be decoded.
pub fn encode(dtype: Dtype, values: &[f32], out: &mut Vec<u8>) {
    let bytes = dtype.bytes_of(values.len());
    out.reserve(
        bytes.unwrap_or_else(|| {
            panic!("{} values do not fill whole blocks of {}", values.len(), dtype.name())
        }),
    );
    match dtype {
        Dtype::F32 => out.extend(values.iter().flat_map(|value| value.to_le_bytes())),
        Dtype::F16 => out.extend(values.iter().flat_map(|&value| f16::from_f32(value).to_le_bytes())),
        Dtype::BF16 => out.extend(values.iter().flat_map(|&value| bf16::from_f32(value).to_le_bytes())),
        Dtype::F8E4M3 => out.extend(values.iter().map(|&value| f32_to_e4m3(value))),
        Dtype::Q8_0 => encode_blocks(values, out, q8_0),
        Dtype::Q6K => encode_blocks(values, out, encode_k::q6_k),
        Dtype::Q4K => encode_blocks(values, out, encode_k::q4_k),
        other => panic!("{} can only be decoded", other.name()),
    }
}

fn encode_blocks<const BYTES: usize, const LEN: usize>(
    values: &[f32],
    out: &mut Vec<u8>,
    encode: fn(&[f32; LEN]) -> [u8; BYTES],
) {
    for block in values.as_chunks::<LEN>().0 {
        out.extend_from_slice(&encode(block));
    }
}

fn q8_0(values: &[f32; 32]) -> [u8; 34] {
    let max_abs = values.iter().fold(0.0f32, |max_abs, value| max_abs.max(value.abs()));
    let scale = max_abs / 127.0;
    // The inverse of a subnormal can overflow; the f16 scale of such a block is zero anyway.
    let inverse = if scale < f32::MIN_POSITIVE { 0.0 } else { 1.0 / scale };
    let mut block = [0; 34];
    block[..2].copy_from_slice(&f16::from_f32(scale).to_le_bytes());
    for (code, value) in block[2..].iter_mut().zip(values) {
        *code = (value * inverse).round() as i8 as u8;
    }
    block
}
