//! Dense formats: f32, f16, bf16, and FP8 without its scales.
//! Block scales of FP8 are applied by the caller, who knows the shape of the matrix.
use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

pub fn f32(bytes: &[u8], out: &mut [f32]) {
    for (value, bytes) in out.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *value = f32::from_le_bytes(*bytes);
    }
}

/// In chunks of 64: `half` detects the conversion instruction per call, which costs more than one conversion.
pub fn f16(bytes: &[u8], out: &mut [f32]) {
    let mut run = [f16::ZERO; 64];
    for (values, bytes) in out.chunks_mut(64).zip(bytes.chunks(128)) {
        for (half, bytes) in run.iter_mut().zip(bytes.as_chunks::<2>().0) {
            *half = f16::from_le_bytes(*bytes);
        }
        run[..values.len()].convert_to_f32_slice(values);
    }
}

pub fn bf16(bytes: &[u8], out: &mut [f32]) {
    for (value, bytes) in out.iter_mut().zip(bytes.as_chunks::<2>().0) {
        *value = bf16::from_le_bytes(*bytes).to_f32();
    }
}

pub fn f8e4m3(bytes: &[u8], out: &mut [f32]) {
    for (value, &byte) in out.iter_mut().zip(bytes) {
        *value = crate::e4m3_to_f32(byte);
    }
}
