//! The formats that models are mostly published in, decoded eight numbers at a time on processors with AVX2 and F16C. Every
//! operation is the plain decoder's and is rounded by itself, so the numbers are the same to the last bit; where a code is
//! moved before it becomes a float here and after it there, both are exact.
use std::arch::x86_64::*;

use crate::blocks::{E2M1, NON_LINEAR, half_of_e8m0};
use crate::superblocks::scale_and_min;
use crate::{Dtype, each};

/// Decodes, or says that this format has no wide form.
///
/// # Safety
/// The processor must have AVX2 and F16C.
#[target_feature(enable = "avx2,f16c")]
pub fn decode(dtype: Dtype, bytes: &[u8], out: &mut [f32]) -> bool {
    match dtype {
        Dtype::F16 => f16(bytes, out),
        Dtype::BF16 => bf16(bytes, out),
        Dtype::Q4_0 => each(bytes, out, |block, out| q4_0(block, out)),
        Dtype::Q8_0 => each(bytes, out, |block, out| q8_0(block, out)),
        Dtype::MXFP4 => each(bytes, out, |block, out| mxfp4(block, out)),
        Dtype::IQ4NL => each(bytes, out, |block, out| iq4_nl(block, out)),
        Dtype::Q2K => each(bytes, out, |block, out| q2_k(block, out)),
        Dtype::Q3K => each(bytes, out, |block, out| q3_k(block, out)),
        Dtype::Q4K => each(bytes, out, |block, out| q4_k(block, out)),
        Dtype::Q5K => each(bytes, out, |block, out| q5_k(block, out)),
        Dtype::Q6K => each(bytes, out, |block, out| q6_k(block, out)),
        Dtype::IQ4XS => each(bytes, out, |block, out| iq4_xs(block, out)),
        _ => return false,
    }
    true
}

#[target_feature(enable = "avx2,f16c")]
fn f16(bytes: &[u8], out: &mut [f32]) {
    let (runs, rest) = bytes.as_chunks::<16>();
    let (values, rest_out) = out.as_chunks_mut::<8>();
    for (run, values) in runs.iter().zip(values) {
        *values = numbers(_mm256_cvtph_ps(sixteen(run)));
    }
    crate::dense::f16(rest, rest_out);
}

#[target_feature(enable = "avx2,f16c")]
fn bf16(bytes: &[u8], out: &mut [f32]) {
    let (runs, rest) = bytes.as_chunks::<16>();
    let (values, rest_out) = out.as_chunks_mut::<8>();
    for (run, values) in runs.iter().zip(values) {
        let halves = _mm256_cvtepu16_epi32(sixteen(run));
        *values = numbers(_mm256_castsi256_ps(_mm256_slli_epi32::<16>(halves)));
    }
    crate::dense::bf16(rest, rest_out);
}

#[target_feature(enable = "avx2,f16c")]
fn q4_0(block: &[u8; 18], out: &mut [f32; 32]) {
    let eight = _mm_set1_epi8(8);
    let codes = nibbles(sixteen(part(block, 2)));
    let out = out.as_chunks_mut().0;
    for (codes, out) in codes.into_iter().zip(out) {
        scaled(_mm_sub_epi8(codes, eight), half(block, 0), out);
    }
}

#[target_feature(enable = "avx2,f16c")]
fn q8_0(block: &[u8; 34], out: &mut [f32; 32]) {
    let codes = block[2..].as_chunks().0;
    for (codes, out) in codes.iter().zip(out.as_chunks_mut().0) {
        scaled(sixteen(codes), half(block, 0), out);
    }
}

#[target_feature(enable = "avx2,f16c")]
fn mxfp4(block: &[u8; 17], out: &mut [f32; 32]) {
    looked_up(part(block, 1), &E2M1, half_of_e8m0(block[0]), out);
}

#[target_feature(enable = "avx2,f16c")]
fn iq4_nl(block: &[u8; 18], out: &mut [f32; 32]) {
    looked_up(part(block, 2), &NON_LINEAR, half(block, 0), out);
}

#[target_feature(enable = "avx2,f16c")]
fn iq4_xs(block: &[u8; 136], out: &mut [f32; 256]) {
    let scale = half(block, 0);
    for (run, out) in out.as_chunks_mut().0.iter_mut().enumerate() {
        let scale = scale * crate::superblocks::iq4_xs_scale(block, run);
        looked_up(part(block, 8 + run * 16), &NON_LINEAR, scale, out);
    }
}

#[target_feature(enable = "avx2,f16c")]
fn q2_k(block: &[u8; 84], out: &mut [f32; 256]) {
    let (scale, min) = (half(block, 80), half(block, 82));
    let two = _mm_set1_epi8(3);
    for (run, out) in out.as_chunks_mut().0.iter_mut().enumerate() {
        let pair = block[run];
        let codes = sixteen(part(block, 16 + run / 8 * 32 + run % 2 * 16));
        let codes = _mm_and_si128(shifted(codes, run % 8 / 2 * 2), two);
        less_min(codes, scale * f32::from(pair & 15), min * f32::from(pair >> 4), out);
    }
}

#[target_feature(enable = "avx2,f16c")]
fn q3_k(block: &[u8; 110], out: &mut [f32; 256]) {
    let scale = half(block, 108);
    let (one, two, four) = (_mm_set1_epi8(1), _mm_set1_epi8(3), _mm_set1_epi8(4));
    for (run, out) in out.as_chunks_mut().0.iter_mut().enumerate() {
        let scale = scale * crate::superblocks::q3_k_scale(block, run);
        let side = run % 2 * 16;
        let low = shifted(sixteen(part(block, 32 + run / 8 * 32 + side)), run % 8 / 2 * 2);
        let third = _mm_and_si128(shifted(sixteen(part(block, side)), run / 2), one);
        let codes = _mm_or_si128(_mm_and_si128(low, two), _mm_slli_epi16::<2>(third));
        scaled(_mm_sub_epi8(codes, four), scale, out);
    }
}

#[target_feature(enable = "avx2,f16c")]
fn q4_k(block: &[u8; 144], out: &mut [f32; 256]) {
    let (scale, min) = (half(block, 0), half(block, 2));
    for (pair, out) in out.as_chunks_mut::<64>().0.iter_mut().enumerate() {
        let codes = [0, 16].map(|side| nibbles(sixteen(part(block, 16 + pair * 32 + side))));
        for (half, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
            let (small, offset) = scale_and_min(&block[4..16], pair * 2 + half);
            let (scale, min) = (scale * f32::from(small), min * f32::from(offset));
            for (side, out) in out.as_chunks_mut().0.iter_mut().enumerate() {
                less_min(codes[side][half], scale, min, out);
            }
        }
    }
}

#[target_feature(enable = "avx2,f16c")]
fn q5_k(block: &[u8; 176], out: &mut [f32; 256]) {
    let (scale, min) = (half(block, 0), half(block, 2));
    let one = _mm_set1_epi8(1);
    let high = [0, 16].map(|side| sixteen(part(block, 16 + side)));
    for (pair, out) in out.as_chunks_mut::<64>().0.iter_mut().enumerate() {
        let low = [0, 16].map(|side| nibbles(sixteen(part(block, 48 + pair * 32 + side))));
        for (half, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
            let run = pair * 2 + half;
            let (small, offset) = scale_and_min(&block[4..16], run);
            let (scale, min) = (scale * f32::from(small), min * f32::from(offset));
            for (side, out) in out.as_chunks_mut().0.iter_mut().enumerate() {
                let fifth = _mm_slli_epi16::<4>(_mm_and_si128(shifted(high[side], run), one));
                less_min(_mm_or_si128(low[side][half], fifth), scale, min, out);
            }
        }
    }
}

#[target_feature(enable = "avx2,f16c")]
fn q6_k(block: &[u8; 210], out: &mut [f32; 256]) {
    let scale = half(block, 208);
    let (two, middle) = (_mm_set1_epi8(3), _mm_set1_epi8(32));
    for (half, out) in out.as_chunks_mut::<128>().0.iter_mut().enumerate() {
        for side in 0..2 {
            let [first, second] = [0, 32].map(|at| nibbles(sixteen(part(block, half * 64 + at + side * 16))));
            let high = sixteen(part(block, 128 + half * 32 + side * 16));
            for (quarter, low) in [first[0], second[0], first[1], second[1]].into_iter().enumerate() {
                let top = _mm_and_si128(shifted(high, quarter * 2), two);
                let codes = _mm_sub_epi8(_mm_or_si128(low, _mm_slli_epi16::<4>(top)), middle);
                let run = quarter * 2 + side;
                let scale = scale * f32::from(block[192 + half * 8 + run] as i8);
                scaled(codes, scale, &mut out.as_chunks_mut().0[run]);
            }
        }
    }
}

/// Sixteen bytes, each two codes into `table`.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn looked_up(bytes: &[u8; 16], table: &[i8; 16], scale: f32, out: &mut [f32; 32]) {
    let table = sixteen(&table.map(|value| value as u8));
    for (codes, out) in nibbles(sixteen(bytes)).into_iter().zip(out.as_chunks_mut().0) {
        scaled(_mm_shuffle_epi8(table, codes), scale, out);
    }
}

/// `scale * code` of sixteen signed codes.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn scaled(codes: __m128i, scale: f32, out: &mut [f32; 16]) {
    let scale = _mm256_set1_ps(scale);
    for (codes, out) in [codes, _mm_srli_si128::<8>(codes)].into_iter().zip(out.as_chunks_mut().0) {
        *out = numbers(_mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(codes)), scale));
    }
}

/// `scale * code - min` of sixteen codes below 128.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn less_min(codes: __m128i, scale: f32, min: f32, out: &mut [f32; 16]) {
    let (scale, min) = (_mm256_set1_ps(scale), _mm256_set1_ps(min));
    for (codes, out) in [codes, _mm_srli_si128::<8>(codes)].into_iter().zip(out.as_chunks_mut().0) {
        let product = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(codes)), scale);
        *out = numbers(_mm256_sub_ps(product, min));
    }
}

/// The low and the high halves of sixteen bytes.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn nibbles(bytes: __m128i) -> [__m128i; 2] {
    let low = _mm_set1_epi8(15);
    [_mm_and_si128(bytes, low), _mm_and_si128(_mm_srli_epi16::<4>(bytes), low)]
}

/// Bytes moved right, with bits of their neighbours above: for the caller to cut off.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn shifted(bytes: __m128i, by: usize) -> __m128i {
    _mm_srl_epi16(bytes, _mm_cvtsi32_si128(by as i32))
}

/// By value, because the loads of `std::arch` check their pointers in every build that is not a release.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn sixteen(bytes: &[u8; 16]) -> __m128i {
    // SAFETY: both are 16 bytes, and any of them are a register.
    unsafe { std::mem::transmute(*bytes) }
}

#[inline]
#[target_feature(enable = "avx2,f16c")]
fn numbers(register: __m256) -> [f32; 8] {
    // SAFETY: both are 32 bytes, and any of them are numbers.
    unsafe { std::mem::transmute(register) }
}

/// The half-precision number at a place of a block.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn half(block: &[u8], at: usize) -> f32 {
    let bits = u16::from_le_bytes([block[at], block[at + 1]]);
    _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(i32::from(bits))))
}

/// Sixteen bytes of a block from `at` on.
#[inline(always)]
fn part<const BYTES: usize>(block: &[u8; BYTES], at: usize) -> &[u8; 16] {
    block[at..].first_chunk().expect("a decoder knows the size of its block")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_and_plain_decoders_give_the_same_bits() {
        if !crate::is_wide() {
            return;
        }
        let mut state = 1u32;
        let mut byte = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        for &dtype in Dtype::ALL {
            // Not whole registers of the dense formats.
            let count = (dtype.block_len() * 40).max(256) + if dtype.block_len() == 1 { 13 } else { 0 };
            let bytes: Vec<u8> = (0..dtype.bytes_of(count).unwrap()).map(|_| byte()).collect();
            let (mut plain, mut wide) = (vec![0.0f32; count], vec![0.0f32; count]);
            crate::decode_plain(dtype, &bytes, &mut plain);
            // SAFETY: just asked.
            if unsafe { decode(dtype, &bytes, &mut wide) } {
                for (at, (plain, wide)) in plain.iter().zip(&wide).enumerate() {
                    let same = plain.to_bits() == wide.to_bits() || plain.is_nan() && wide.is_nan();
                    assert!(same, "{dtype:?} at {at}: {plain} {wide}");
                }
            }
        }
    }
}
