//! Bias and activation.
use crate::activations::gelu;
use crate::simd_math::in_widest;

/// What becomes of a product and its bias.
#[derive(Debug, Clone, Copy)]
pub enum Then<'a> {
    Nothing,
    /// The gelu that is made with tanh.
    Gelu,
    /// These numbers are added to it, as many as come out.
    Add(&'a [f32]),
}

/// What goes with a product.
pub(super) struct Beside<'a> {
    pub bias: &'a [f32],
    /// Nothing, or lines `width` apart.
    pub more: &'a [f32],
    pub width: usize,
    pub gelu: bool,
}

in_widest! {
    /// `lines` are `stride` apart and as long as the bias.
    pub(super) fn finish_lines(lines: &mut [f32], stride: usize, beside: &Beside) = finish
}

/// Bias, then gelu, or `more` where there is any.
#[inline(always)]
fn finish(lines: &mut [f32], stride: usize, beside: &Beside) {
    let count = beside.bias.len();
    for (at, line) in lines.chunks_exact_mut(stride).enumerate() {
        let line = &mut line[..count];
        line.iter_mut().zip(beside.bias).for_each(|(y, bias)| *y += bias);
        if beside.gelu {
            line.iter_mut().for_each(|y| *y = gelu(*y));
        }
        if !beside.more.is_empty() {
            let more = &beside.more[at * beside.width..][..count];
            line.iter_mut().zip(more).for_each(|(y, more)| *y += more);
        }
    }
}
