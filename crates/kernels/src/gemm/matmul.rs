//! The product of a weight in host memory with a batch. Rows of a prefill use AMX where the processor has it,
//! all others `gemv`.
use candle_core::{Result, Tensor, bail};

use crate::slices::{tensor, with_slice};
use crate::{Cancellation, PrefillRows, Weight};

impl Weight {
    /// `x` [n, cols] -> [n, rows].
    ///
    /// # Errors
    /// When the width of `x` differs from the columns of the weight, or the weight is on a card.
    pub fn forward(&self, x: &Tensor, prefill: &PrefillRows) -> Result<Tensor> {
        let (n, cols) = x.dims2()?;
        if cols != self.cols() {
            bail!("shape mismatch: input [{n}, {cols}], weight [{}, {}]", self.rows(), self.cols());
        }
        if !self.is_host() {
            bail!("the weight is on a card");
        }
        with_slice(x, |x| tensor(self.matmul(x, prefill, &Cancellation::never()), (n, self.rows())))
    }

    /// `x` [n, cols] -> [n, rows], on slices.
    pub(crate) fn matmul(&self, x: &[f32], prefill: &PrefillRows, cancellation: &Cancellation) -> Vec<f32> {
        let (rows, cols) = (self.rows(), self.cols());
        let n = x.len() / cols;
        match &prefill.segments(n)[..] {
            [] => Vec::new(),
            [(_, false)] => self.gemv(x, cancellation),
            #[cfg(target_arch = "x86_64")]
            [(_, true)] => self.matmul_amx(x, cancellation),
            segments => {
                let mut y = Vec::with_capacity(n * rows);
                for (segment, uses_amx) in segments {
                    let alone = if *uses_amx { PrefillRows::all() } else { PrefillRows::none() };
                    y.extend(self.matmul(&x[segment.start * cols..segment.end * cols], &alone, cancellation));
                }
                y
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    fn matmul_amx(&self, x: &[f32], cancellation: &Cancellation) -> Vec<f32> {
        use super::amx::gemm::{PackedA, Split, gemm};
        use super::amx::output::OutputTiles;
        let (width, cols) = (self.rows(), self.cols());
        let rows: Vec<&[f32]> = x.chunks_exact(cols).collect();
        let mut y = vec![0.0; rows.len() * width];
        let out = OutputTiles::new(&mut y, width);
        gemm(self, &PackedA::pack(&rows, cols, Split::Bf16x3), cancellation, |rows, columns, tile| {
            // SAFETY: each tile is written once.
            unsafe { out.store_tile(rows, columns, tile) };
        });
        y
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
