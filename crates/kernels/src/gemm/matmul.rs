//! The product of a weight in host memory with a batch: the rows of a prefill by tiles, all others by
//! `gemv`.
use candle_core::{Result, Tensor, bail};

use super::PrefillForm;
use crate::{Cancellation, PrefillRows, Weight};

impl Weight {
    /// # Errors
    /// When `x` is not [n, cols], or the weight is on a card.
    pub(super) fn check_input(&self, x: &Tensor) -> Result<()> {
        let (n, cols) = x.dims2()?;
        if cols != self.cols() {
            bail!("shape mismatch: input [{n}, {cols}], weight [{}, {}]", self.rows(), self.cols());
        }
        if !self.is_host() {
            bail!("the weight is on a card");
        }
        Ok(())
    }

    /// `x` [n, cols] -> [n, rows], on slices.
    pub(crate) fn matmul(&self, x: &[f32], prefill: &PrefillRows, cancellation: &Cancellation) -> Vec<f32> {
        let (rows, cols) = (self.rows(), self.cols());
        let n = x.len() / cols;
        match &prefill.segments(n)[..] {
            [] => Vec::new(),
            [(_, true)] => self.matmul_tiled(x, cancellation),
            segments if segments.len() == 1 || self.prefill_form() == PrefillForm::Gemv => {
                self.gemv(x, cancellation)
            }
            segments => {
                let mut y = Vec::with_capacity(n * rows);
                for (segment, is_prefill) in segments {
                    let product = if *is_prefill { Self::matmul_tiled } else { Self::gemv };
                    y.extend(product(self, &x[segment.start * cols..segment.end * cols], cancellation));
                }
                y
            }
        }
    }

    /// Reference of `matmul`: one multiplication at a time, summed in f64.
    pub fn matmul_reference(&self, x: &[f32]) -> Vec<f32> {
        let mut row = vec![0.0; self.cols()];
        let mut y = Vec::new();
        for token in x.chunks_exact(self.cols()) {
            for r in 0..self.rows() {
                self.dequantize_row(r, &mut row);
                let sum: f64 = row.iter().zip(token).map(|(&w, &v)| f64::from(w) * f64::from(v)).sum();
                y.push(sum as f32);
            }
        }
        y
    }
}
