//! Dot products of quantised rows in whole numbers. A row of activations becomes fixed-point numbers of 16
//! bits over blocks of 256 columns, each as two signed bytes: a *plane* has the high or the low bytes of all.
//! Codes are small integers, so the sums within a block are exact, and every instruction set gives the same
//! bits: `scalar` is the definition, `x86` the fast form. There is none for NEON: f32 is faster there.
//! The error is that of rounding activations: half a 32,512th of the largest of their 256, for each column.
#![allow(
    clippy::needless_range_loop,
    reason = "indexed loops of constant length keep registers in registers"
)]
mod scalar;
#[cfg(target_arch = "x86_64")]
pub(crate) mod x86;

use crate::{Dtype, Isa};

/// Columns of one scale.
const WIDE: usize = 256;
/// The largest magnitude: its high byte is 127.
const LARGEST: f32 = 32_512.0;
/// Partial sums of a product: column `c` is added to sum `c / 4 % SUMS`.
const SUMS: usize = 8;

/// 256 activations: `x = scale * (256 * high + low)`.
#[repr(C, align(64))]
#[derive(Clone)]
pub(crate) struct PlaneBlock {
    high: [i8; WIDE],
    low: [i8; WIDE],
    /// The sums of 16 columns each, those at even places first: `[0]` has columns 0 to 15, 32 to 47 and on.
    side_sums: [[i32; 8]; 2],
    /// The sums of 32 columns each.
    sums: [i32; 8],
    scale: f32,
}

impl PlaneBlock {
    const ZERO: Self =
        Self { high: [0; WIDE], low: [0; WIDE], side_sums: [[0; 8]; 2], sums: [0; 8], scale: 0.0 };
}

/// One row of activations in two planes. A last block that is not full is padded with zeros.
pub struct Planes(Vec<PlaneBlock>);

impl Planes {
    /// A row with a NaN or an infinity gives products that are NaN.
    pub fn new(x: &[f32]) -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(blocks) = x86::blocks_of_row(x) {
            return Self(blocks);
        }
        Self(blocks_of(x))
    }
}

/// Whether rows of this format are multiplied in whole numbers on this processor. Without AVX2 it would be
/// slower than in f32.
pub fn has_planes(dtype: Dtype) -> bool {
    Isa::detect() >= Isa::Avx2 && is_defined(dtype)
}

/// Whether [`planes_dot`] is defined for the format.
const fn is_defined(dtype: Dtype) -> bool {
    matches!(
        dtype,
        Dtype::Q4_0
            | Dtype::Q4_1
            | Dtype::Q5_0
            | Dtype::Q5_1
            | Dtype::Q8_0
            | Dtype::Q2K
            | Dtype::Q3K
            | Dtype::Q4K
            | Dtype::Q5K
            | Dtype::Q6K
            | Dtype::IQ4NL
            | Dtype::MXFP4
    )
}

/// Dot products of `M` rows of activations with `N` encoded rows, [x][row]. A product does not depend on the
/// others of the call. Prefetches `prefetch_distance` bytes ahead: the rows that come next.
///
/// # Panics
/// For a format that is not multiplied in whole numbers.
#[inline]
pub fn planes_dot<const M: usize, const N: usize>(
    dtype: Dtype,
    x: [&Planes; M],
    rows: [&[u8]; N],
    prefetch_distance: usize,
) -> [[f32; N]; M] {
    let x = x.map(|x| &x.0[..]);
    #[cfg(target_arch = "x86_64")]
    match Isa::detect() {
        // SAFETY: the instructions were detected.
        Isa::Vnni => return unsafe { x86::dot_vnni(dtype, x, rows, prefetch_distance) },
        // SAFETY: as above.
        Isa::Avx512 | Isa::Avx2 => return unsafe { x86::dot_avx2(dtype, x, rows, prefetch_distance) },
        Isa::Scalar => {}
    }
    let _ = prefetch_distance;
    x.map(|x| rows.map(|row| scalar::dot(dtype, x, row)))
}

/// A plain loop: a closure would be compiled without the instructions of the caller.
#[inline(always)]
fn blocks_of(x: &[f32]) -> Vec<PlaneBlock> {
    let (full, rest) = x.as_chunks::<WIDE>();
    let mut blocks = vec![PlaneBlock::ZERO; x.len().div_ceil(WIDE)];
    for at in 0..full.len() {
        quantise(&full[at], &mut blocks[at]);
    }
    if !rest.is_empty() {
        let mut padded = [0.0; WIDE];
        padded[..rest.len()].copy_from_slice(rest);
        quantise(&padded, &mut blocks[full.len()]);
    }
    blocks
}

/// 256 numbers as whole numbers of 16 bits times a scale. The scale is NaN where one is no number.
#[inline(always)]
pub(crate) fn fixed_point(x: &[f32; WIDE]) -> ([i32; WIDE], f32) {
    /// 1.5 * 2^23: adding it rounds to an integer, which is then in the low bits.
    const ROUND: f32 = 12_582_912.0;
    // The bits of magnitudes are in the order of the magnitudes, NaN last.
    let mut largest = 0;
    for x in x {
        largest = largest.max(x.to_bits() as i32 & 0x7FFF_FFFF);
    }
    let largest = f32::from_bits(largest as u32);
    let scale = if largest.is_finite() { largest / LARGEST } else { f32::NAN };
    let mut whole = [0i32; WIDE];
    // The inverse of smaller numbers overflows: they are zero.
    if !largest.is_finite() || largest < 1e-30 {
        return (whole, scale);
    }
    let inverse = LARGEST / largest;
    for at in 0..WIDE {
        whole[at] = ((x[at] * inverse + ROUND).to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    }
    (whole, scale)
}

#[inline(always)]
fn quantise(x: &[f32; WIDE], block: &mut PlaneBlock) {
    let (whole, scale) = fixed_point(x);
    block.scale = scale;
    for at in 0..WIDE {
        block.low[at] = whole[at] as i8;
        block.high[at] = (whole[at].wrapping_add(128) >> 8) as i8;
    }
    for at in 0..WIDE / 32 {
        for side in 0..2 {
            // None of these can overflow: checks would only keep debug builds from vectors.
            let mut sum = 0i32;
            for column in 0..16 {
                sum = sum.wrapping_add(whole[32 * at + 16 * side + column]);
            }
            block.side_sums[side][at] = sum;
        }
        block.sums[at] = block.side_sums[0][at].wrapping_add(block.side_sums[1][at]);
    }
}

/// The sum of the partial sums, in an order that every instruction set keeps.
#[inline(always)]
fn total(sums: [f32; SUMS]) -> f32 {
    let four: [f32; 4] = std::array::from_fn(|at| sums[at] + sums[at + 4]);
    (four[0] + four[2]) + (four[1] + four[3])
}

#[cfg(test)]
pub(crate) mod tests;
