//! Storage formats of tensors: dense floats, FP8 and the block formats of GGUF. All are decoded to `f32`,
//! some are also encoded, and most can be multiplied without a decoded copy. A *block* is the smallest unit
//! that is stored together: one value for dense types, 32 or 256 for the rest. `kv_cache` has the records of
//! cached tokens.
//!
//! Knows no files, models or devices: bytes in; values, or their dot products, out.
mod blocks;
mod codebooks;
mod dense;
mod dtype;
mod encode;
mod encode_k;
mod fp8;
mod isa;
pub mod kv_cache;
mod panels;
mod planes;
#[cfg(target_arch = "x86_64")]
mod simd;
mod superblocks;

pub use dtype::Dtype;
pub use encode::encode;
pub use fp8::{E4M3, e4m3_to_f32, f32_to_e4m3};
pub use isa::Isa;
pub use panels::{
    ACTIVATION_ROWS, ActivationPanel, PANEL_BLOCK, PANEL_ROWS, PanelSums, WeightPanel, panel_product,
};
pub use planes::{Planes, has_planes, planes_dot};

/// Partial sums of a dot product: element `i` is added to sum `i % LANES`.
pub const LANES: usize = 16;

/// Decodes `out.len()` values to f32.
///
/// # Panics
/// When `bytes` is not [`Dtype::bytes_of`] `out.len()` long. Lengths are checked when a file is opened.
pub fn decode(dtype: Dtype, bytes: &[u8], out: &mut [f32]) {
    assert_eq!(
        Some(bytes.len()),
        dtype.bytes_of(out.len()),
        "bytes of {} values in {}",
        out.len(),
        dtype.name()
    );
    #[cfg(target_arch = "x86_64")]
    if simd::decode(dtype, bytes, out) {
        return;
    }
    decode_scalar(dtype, bytes, out);
}

/// Dot products of `M` vectors with `N` encoded rows, [row][vector], as [`LANES`] partial sums each, every
/// step a fused multiply-add. A tail of fewer than `LANES` values is left out. `None` when the processor or
/// the format has no decoder in registers. Prefetches `prefetch_distance` bytes ahead: the rows that come
/// next.
#[inline]
pub fn dequant_dot_partial<const M: usize, const N: usize>(
    dtype: Dtype,
    x: [&[f32]; M],
    rows: [&[u8]; N],
    prefetch_distance: usize,
) -> Option<[[[f32; LANES]; M]; N]> {
    #[cfg(target_arch = "x86_64")]
    return simd::dequant_dot_partial(dtype, x, rows, prefetch_distance);
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = (dtype, x, rows, prefetch_distance);
        None
    }
}

/// Prefetches the cache lines `prefetch_distance` bytes after `bytes`. Hardware prefetchers stop at the end
/// of each page.
#[inline(always)]
pub fn prefetch(bytes: &[u8], prefetch_distance: usize) {
    #[cfg(target_arch = "x86_64")]
    for line in bytes.chunks(64) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing and may name any address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().wrapping_add(prefetch_distance).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (bytes, prefetch_distance);
}

/// Every format on any processor; also the reference that `simd` is tested against.
fn decode_scalar(dtype: Dtype, bytes: &[u8], out: &mut [f32]) {
    match dtype {
        Dtype::F32 => dense::f32(bytes, out),
        Dtype::F16 => dense::f16(bytes, out),
        Dtype::BF16 => dense::bf16(bytes, out),
        Dtype::F8E4M3 => dense::f8e4m3(bytes, out),
        Dtype::Q4_0 => decode_blocks(bytes, out, blocks::q4_0),
        Dtype::Q4_1 => decode_blocks(bytes, out, blocks::q4_1),
        Dtype::Q5_0 => decode_blocks(bytes, out, blocks::q5_0),
        Dtype::Q5_1 => decode_blocks(bytes, out, blocks::q5_1),
        Dtype::Q8_0 => decode_blocks(bytes, out, blocks::q8_0),
        Dtype::Q2K => decode_blocks(bytes, out, superblocks::q2_k),
        Dtype::Q3K => decode_blocks(bytes, out, superblocks::q3_k),
        Dtype::Q4K => decode_blocks(bytes, out, superblocks::q4_k),
        Dtype::Q5K => decode_blocks(bytes, out, superblocks::q5_k),
        Dtype::Q6K => decode_blocks(bytes, out, superblocks::q6_k),
        Dtype::IQ1S => decode_blocks(bytes, out, codebooks::iq1_s),
        Dtype::IQ1M => decode_blocks(bytes, out, codebooks::iq1_m),
        Dtype::IQ2XXS => decode_blocks(bytes, out, codebooks::iq2_xxs),
        Dtype::IQ2XS => decode_blocks(bytes, out, codebooks::iq2_xs),
        Dtype::IQ2S => decode_blocks(bytes, out, codebooks::iq2_s),
        Dtype::IQ3XXS => decode_blocks(bytes, out, codebooks::iq3_xxs),
        Dtype::IQ3S => decode_blocks(bytes, out, codebooks::iq3_s),
        Dtype::IQ4NL => decode_blocks(bytes, out, blocks::iq4_nl),
        Dtype::IQ4XS => decode_blocks(bytes, out, superblocks::iq4_xs),
        Dtype::MXFP4 => decode_blocks(bytes, out, blocks::mxfp4),
    }
}

/// Runs a block decoder over all blocks. Both sizes are constants, so the compiler drops the bounds checks
/// inside the decoders.
#[inline(always)]
fn decode_blocks<const BYTES: usize, const LEN: usize>(
    bytes: &[u8],
    out: &mut [f32],
    decode: impl Fn(&[u8; BYTES], &mut [f32; LEN]),
) {
    let (blocks, _) = bytes.as_chunks::<BYTES>();
    let (values, _) = out.as_chunks_mut::<LEN>();
    for (block, values) in blocks.iter().zip(values) {
        decode(block, values);
    }
}

/// The f16 at byte `at` of a block, which is how most blocks store their scale.
#[inline(always)]
fn f16_at(block: &[u8], at: usize) -> f32 {
    half::f16::from_le_bytes([block[at], block[at + 1]]).to_f32()
}
