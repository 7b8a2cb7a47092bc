//! The formats that models are mostly published in, decoded in the vector registers of x86. Every operation is the plain
//! decoder's and is rounded by itself, so the numbers are the same to the last bit; where a code is moved before it
//! becomes a float here and after it there, both are exact.
//!
//! The decoders are always inlined, so that each is compiled with the instructions of the width it is used with.
mod bytes;
mod width;

use bytes::Bytes;
use width::{Eight, Sixteen, Width};

use crate::blocks::{E2M1, NON_LINEAR, half_of_e8m0};
use crate::superblocks::{iq4_xs_scale, q3_k_scale, scales_and_minima};
use crate::{Dtype, each};

/// Decodes, or says that this format has no wide form or this processor no wide registers.
pub fn decode(dtype: Dtype, bytes: &[u8], out: &mut [f32]) -> bool {
    if let Some(sixteen) = Sixteen::here() {
        return sixteen.decode(dtype, bytes, out);
    }
    Eight::here().is_some_and(|eight| eight.decode(dtype, bytes, out))
}

#[inline(always)]
fn decode_in(width: impl Width, dtype: Dtype, bytes: &[u8], out: &mut [f32]) -> bool {
    match dtype {
        Dtype::F16 => in_eights(bytes, out, |halves| width.f16(halves), crate::dense::f16),
        Dtype::BF16 => in_eights(bytes, out, |halves| width.bf16(halves), crate::dense::bf16),
        Dtype::Q4_0 => each(bytes, out, |block, out| q4_0(width, block, out)),
        Dtype::Q8_0 => each(bytes, out, |block, out| q8_0(width, block, out)),
        Dtype::MXFP4 => each(bytes, out, |block, out| mxfp4(width, block, out)),
        Dtype::IQ4NL => each(bytes, out, |block, out| iq4_nl(width, block, out)),
        Dtype::Q2K => each(bytes, out, |block, out| q2_k(width, block, out)),
        Dtype::Q3K => each(bytes, out, |block, out| q3_k(width, block, out)),
        Dtype::Q4K => each(bytes, out, |block, out| q4_k(width, block, out)),
        Dtype::Q5K => each(bytes, out, |block, out| q5_k(width, block, out)),
        Dtype::Q6K => each(bytes, out, |block, out| q6_k(width, block, out)),
        Dtype::IQ4XS => each(bytes, out, |block, out| iq4_xs(width, block, out)),
        _ => return false,
    }
    true
}

/// Halves eight at a time, and the last few as ever.
#[inline(always)]
fn in_eights(
    bytes: &[u8],
    out: &mut [f32],
    eight: impl Fn(&[u8; 16]) -> [f32; 8],
    plain: fn(&[u8], &mut [f32]),
) {
    let (runs, rest) = bytes.as_chunks();
    let (values, rest_out) = out.as_chunks_mut();
    runs.iter().zip(values).for_each(|(run, values)| *values = eight(run));
    plain(rest, rest_out);
}

#[inline(always)]
fn q4_0(width: impl Width, block: &[u8; 18], out: &mut [f32; 32]) {
    let scale = width.half(block, 0);
    for (codes, out) in Bytes::of(block, 2).nibbles().into_iter().zip(out.as_chunks_mut().0) {
        width.scaled(codes.minus(8), scale, out);
    }
}

#[inline(always)]
fn q8_0(width: impl Width, block: &[u8; 34], out: &mut [f32; 32]) {
    let scale = width.half(block, 0);
    for (codes, out) in [2, 18].into_iter().zip(out.as_chunks_mut().0) {
        width.scaled(Bytes::of(block, codes), scale, out);
    }
}

#[inline(always)]
fn mxfp4(width: impl Width, block: &[u8; 17], out: &mut [f32; 32]) {
    looked_up(width, Bytes::of(block, 1), &E2M1, half_of_e8m0(block[0]), out);
}

#[inline(always)]
fn iq4_nl(width: impl Width, block: &[u8; 18], out: &mut [f32; 32]) {
    looked_up(width, Bytes::of(block, 2), &NON_LINEAR, width.half(block, 0), out);
}

#[inline(always)]
fn iq4_xs(width: impl Width, block: &[u8; 136], out: &mut [f32; 256]) {
    let scale = width.half(block, 0);
    for (run, out) in out.as_chunks_mut().0.iter_mut().enumerate() {
        let scale = scale * iq4_xs_scale(block, run);
        looked_up(width, Bytes::of(block, 8 + run * 16), &NON_LINEAR, scale, out);
    }
}

#[inline(always)]
fn q2_k(width: impl Width, block: &[u8; 84], out: &mut [f32; 256]) {
    let (scale, min) = (width.half(block, 80), width.half(block, 82));
    for (run, out) in out.as_chunks_mut().0.iter_mut().enumerate() {
        let pair = block[run];
        let codes = Bytes::of(block, 16 + run / 8 * 32 + run % 2 * 16).right(run % 8 / 2 * 2).and(3);
        width.less_min(codes, scale * f32::from(pair & 15), min * f32::from(pair >> 4), out);
    }
}

#[inline(always)]
fn q3_k(width: impl Width, block: &[u8; 110], out: &mut [f32; 256]) {
    let scale = width.half(block, 108);
    for (run, out) in out.as_chunks_mut().0.iter_mut().enumerate() {
        let side = run % 2 * 16;
        let low = Bytes::of(block, 32 + run / 8 * 32 + side).right(run % 8 / 2 * 2).and(3);
        let third = Bytes::of(block, side).right(run / 2).and(1);
        width.scaled(low.or(third.left(2)).minus(4), scale * q3_k_scale(block, run), out);
    }
}

#[inline(always)]
fn q4_k(width: impl Width, block: &[u8; 144], out: &mut [f32; 256]) {
    let (scales, minima) = scales_and_minima_of(width, block);
    for (pair, out) in out.as_chunks_mut::<64>().0.iter_mut().enumerate() {
        let codes = [16, 32].map(|side| Bytes::of(block, pair * 32 + side).nibbles());
        for (half, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
            let run = pair * 2 + half;
            for (side, out) in out.as_chunks_mut().0.iter_mut().enumerate() {
                width.less_min(codes[side][half], scales[run], minima[run], out);
            }
        }
    }
}

#[inline(always)]
fn q5_k(width: impl Width, block: &[u8; 176], out: &mut [f32; 256]) {
    let (scales, minima) = scales_and_minima_of(width, block);
    let high = [16, 32].map(|side| Bytes::of(block, side));
    for (pair, out) in out.as_chunks_mut::<64>().0.iter_mut().enumerate() {
        let low = [48, 64].map(|side| Bytes::of(block, pair * 32 + side).nibbles());
        for (half, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
            let run = pair * 2 + half;
            for (side, out) in out.as_chunks_mut().0.iter_mut().enumerate() {
                let fifth = high[side].right(run).and(1).left(4);
                width.less_min(low[side][half].or(fifth), scales[run], minima[run], out);
            }
        }
    }
}

#[inline(always)]
fn q6_k(width: impl Width, block: &[u8; 210], out: &mut [f32; 256]) {
    let scale = width.half(block, 208);
    for (half, out) in out.as_chunks_mut::<128>().0.iter_mut().enumerate() {
        for side in [0, 1] {
            let [first, second] = [0, 32].map(|at| Bytes::of(block, half * 64 + at + side * 16).nibbles());
            let high = Bytes::of(block, 128 + half * 32 + side * 16);
            for (quarter, low) in [first[0], second[0], first[1], second[1]].into_iter().enumerate() {
                let codes = low.or(high.right(quarter * 2).and(3).left(4)).minus(32);
                let run = quarter * 2 + side;
                let scale = scale * f32::from(block[192 + half * 8 + run] as i8);
                width.scaled(codes, scale, &mut out.as_chunks_mut().0[run]);
            }
        }
    }
}

/// The scales and minima of the eight runs of Q4_K and Q5_K.
#[inline(always)]
fn scales_and_minima_of<const LEN: usize>(width: impl Width, block: &[u8; LEN]) -> ([f32; 8], [f32; 8]) {
    let [scales, minima] =
        scales_and_minima(block[4..].first_chunk().expect("a block has 12 bytes of scales"));
    (width.scales(scales, width.half(block, 0)), width.scales(minima, width.half(block, 2)))
}

/// Sixteen bytes, each two codes into `table`.
#[inline(always)]
fn looked_up(width: impl Width, codes: Bytes, table: &[i8; 16], scale: f32, out: &mut [f32; 32]) {
    let table = Bytes::new(&table.map(|value| value as u8));
    for (codes, out) in codes.nibbles().into_iter().zip(out.as_chunks_mut().0) {
        width.scaled(width.look_up(table, codes), scale, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_and_plain_decoders_give_the_same_bits() {
        let mut state = 1u32;
        let mut byte = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        for &dtype in Dtype::ALL {
            // Not whole registers of the dense formats.
            let count = (dtype.block_len() * 40).max(256) + if dtype.block_len() == 1 { 13 } else { 0 };
            let bytes: Vec<u8> = (0..dtype.bytes_of(count).unwrap()).map(|_| byte()).collect();
            let mut plain = vec![0.0f32; count];
            crate::decode_plain(dtype, &bytes, &mut plain);
            let equal = |wide: &[f32]| {
                for (at, (plain, wide)) in plain.iter().zip(wide).enumerate() {
                    let same = plain.to_bits() == wide.to_bits() || plain.is_nan() && wide.is_nan();
                    assert!(same, "{dtype:?} at {at}: {plain} {wide}");
                }
            };
            let mut wide = vec![0.0f32; count];
            if Eight::here().is_some_and(|eight| eight.decode(dtype, &bytes, &mut wide)) {
                equal(&wide);
            }
            wide.fill(0.0);
            if Sixteen::here().is_some_and(|sixteen| sixteen.decode(dtype, &bytes, &mut wide)) {
                equal(&wide);
            }
        }
    }
}
