//! The operations that follow a product while its output is in the cache: bias, then GELU or a residual.
//! They are applied tile by tile on AMX, and to whole rows elsewhere.
use crate::activations::gelu;
use crate::simd_math::multiversion;

/// What is applied to a product.
#[derive(Debug, Clone, Copy)]
pub enum Epilogue<'a> {
    Bias,
    /// Bias, then GELU in its tanh approximation.
    BiasGelu,
    /// Bias, then the addition of these values, of the shape of the output.
    BiasResidual(&'a [f32]),
}

/// The epilogue of one output tile.
pub(super) struct TileEpilogue<'a> {
    /// Of the columns of the tile.
    pub bias: &'a [f32],
    /// Empty, or from the first element of the tile on, with rows `width` apart.
    pub residual: &'a [f32],
    pub width: usize,
    pub gelu: bool,
}

multiversion! {
    /// Applies the epilogue to `rows`, which are `stride` apart and as long as the bias.
    pub(super) fn apply(rows: &mut [f32], stride: usize, epilogue: &TileEpilogue) = apply_rows
}

#[inline(always)]
fn apply_rows(rows: &mut [f32], stride: usize, epilogue: &TileEpilogue) {
    let count = epilogue.bias.len();
    for (at, row) in rows.chunks_exact_mut(stride).enumerate() {
        let row = &mut row[..count];
        row.iter_mut().zip(epilogue.bias).for_each(|(y, bias)| *y += bias);
        if epilogue.gelu {
            row.iter_mut().for_each(|y| *y = gelu(*y));
        }
        if !epilogue.residual.is_empty() {
            let residual = &epilogue.residual[at * epilogue.width..][..count];
            row.iter_mut().zip(residual).for_each(|(y, residual)| *y += residual);
        }
    }
}
