//! How numbers are stored: dense floats, FP8, and the block formats of GGUF, each turned into `f32`, and some made from
//! `f32`. A *block* is the smallest run of numbers that is stored together: one for dense types, 32 or 256 for the rest.
//!
//! Knows no files, no tensors' shapes, no models and no devices: bytes in, numbers out, or their products with others.
mod blocks;
mod codebooks;
mod dense;
mod dtype;
mod encode;
mod encode_k;
mod fp8;
mod superblocks;
#[cfg(target_arch = "x86_64")]
mod wide;

pub use dtype::Dtype;
pub use encode::encode;
pub use fp8::{E4M3, e4m3_to_f32, f32_to_e4m3};

/// Numbers that are summed beside each other.
pub const LANES: usize = 16;

/// Turns stored bytes into `f32`: `out.len()` numbers.
///
/// # Panics
/// When `bytes` is not what [`Dtype::bytes_of`] says for `out.len()`: whoever opened the file has checked it.
pub fn decode(dtype: Dtype, bytes: &[u8], out: &mut [f32]) {
    assert_eq!(
        Some(bytes.len()),
        dtype.bytes_of(out.len()),
        "bytes of {} numbers in {}",
        out.len(),
        dtype.name()
    );
    #[cfg(target_arch = "x86_64")]
    if wide::decode(dtype, bytes, out) {
        return;
    }
    decode_plain(dtype, bytes, out);
}

/// The products of `M` vectors with `N` rows as they are stored, [row][vector], as sixteen sums each: those of every sixteenth
/// number, each product rounded together with its sum. What fills no sixteen is left out. Nothing where this processor or this
/// format has no such form. While it reads, memory is asked for what lies `ahead` bytes after: the rows that come next.
#[inline]
pub fn lane_sums<const M: usize, const N: usize>(
    dtype: Dtype,
    x: [&[f32]; M],
    rows: [&[u8]; N],
    ahead: usize,
) -> Option<[[[f32; LANES]; M]; N]> {
    #[cfg(target_arch = "x86_64")]
    return wide::lane_sums(dtype, x, rows, ahead);
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = (dtype, x, rows, ahead);
        None
    }
}

/// Asks memory for what lies `ahead` bytes after these. A processor that fetches ahead by itself stops at the end of each page.
#[inline(always)]
pub fn fetch(bytes: &[u8], ahead: usize) {
    #[cfg(target_arch = "x86_64")]
    for line in bytes.chunks(64) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing and may name any address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().wrapping_add(ahead).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (bytes, ahead);
}

/// Every format on any processor, and the judge of `wide`.
fn decode_plain(dtype: Dtype, bytes: &[u8], out: &mut [f32]) {
    match dtype {
        Dtype::F32 => dense::f32(bytes, out),
        Dtype::F16 => dense::f16(bytes, out),
        Dtype::BF16 => dense::bf16(bytes, out),
        Dtype::F8E4M3 => dense::f8e4m3(bytes, out),
        Dtype::Q4_0 => each(bytes, out, blocks::q4_0),
        Dtype::Q4_1 => each(bytes, out, blocks::q4_1),
        Dtype::Q5_0 => each(bytes, out, blocks::q5_0),
        Dtype::Q5_1 => each(bytes, out, blocks::q5_1),
        Dtype::Q8_0 => each(bytes, out, blocks::q8_0),
        Dtype::Q2K => each(bytes, out, superblocks::q2_k),
        Dtype::Q3K => each(bytes, out, superblocks::q3_k),
        Dtype::Q4K => each(bytes, out, superblocks::q4_k),
        Dtype::Q5K => each(bytes, out, superblocks::q5_k),
        Dtype::Q6K => each(bytes, out, superblocks::q6_k),
        Dtype::IQ1S => each(bytes, out, codebooks::iq1_s),
        Dtype::IQ1M => each(bytes, out, codebooks::iq1_m),
        Dtype::IQ2XXS => each(bytes, out, codebooks::iq2_xxs),
        Dtype::IQ2XS => each(bytes, out, codebooks::iq2_xs),
        Dtype::IQ2S => each(bytes, out, codebooks::iq2_s),
        Dtype::IQ3XXS => each(bytes, out, codebooks::iq3_xxs),
        Dtype::IQ3S => each(bytes, out, codebooks::iq3_s),
        Dtype::IQ4NL => each(bytes, out, blocks::iq4_nl),
        Dtype::IQ4XS => each(bytes, out, superblocks::iq4_xs),
        Dtype::MXFP4 => each(bytes, out, blocks::mxfp4),
    }
}

/// Runs the decoder of one block over all of them. Both sizes are known to the compiler, so the bounds checks inside
/// the decoders go away.
#[inline(always)]
fn each<const BYTES: usize, const LEN: usize>(
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

/// The half-precision number at a place of a block: most blocks keep their scale so.
#[inline(always)]
fn half_at(block: &[u8], at: usize) -> f32 {
    half::f16::from_le_bytes([block[at], block[at + 1]]).to_f32()
}
