//! Products of many rows of activations with encoded rows, in whole numbers. Both sides become *panels* of
//! signed 16-bit numbers once, pairs of columns together, so that a step of the microkernel multiplies two
//! columns of 16 weight rows with up to eight rows of activations. Sums within a sub-block of the format are
//! exact; then come its f32 scale and, at the end of 256 columns, that of the activations.
//!
//! Every instruction set gives the same bits, and a row of activations has them whatever its company. They
//! are not those of [`crate::planes_dot`], which adds in another order; the rounding of activations is the
//! same.
#![allow(
    clippy::needless_range_loop,
    reason = "indexed loops of constant length keep registers in registers"
)]
mod activations;
mod microkernel;
mod unpack;
mod weights;

pub use activations::ActivationPanel;
pub use weights::WeightPanel;

/// Weight rows of a panel.
pub const PANEL_ROWS: usize = 16;
/// Rows of activations of a panel, at most.
pub const ACTIVATION_ROWS: usize = 8;
/// Columns of a scale of activations.
pub const PANEL_BLOCK: usize = 256;

/// Pairs of columns in a block.
const PAIRS: usize = PANEL_BLOCK / 2;
/// The sums of a panel of weights with one of activations, [row of activations][weight row].
pub type PanelSums = [[f32; PANEL_ROWS]; ACTIVATION_ROWS];

/// One cache line.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
struct Line<T, const LEN: usize>([T; LEN]);

/// Adds the products of `weights` with the same columns of `x` to `sums`.
///
/// # Panics
/// When `x` has fewer columns than `weights` begins or ends at.
pub fn panel_product(weights: &WeightPanel, x: &ActivationPanel, sums: &mut PanelSums) {
    microkernel::run(weights, x, sums);
}

#[cfg(test)]
mod tests;
