//! Products of a weight.
use candle_core::{Result, Tensor, bail};

use crate::slices::{tensor, with_slice};
use crate::{Cancellation, Prompts, Weight};

/// Numbers of one weight that a device keeps in f32 at once while it multiplies.
const DEVICE_SLAB: usize = 1 << 25;

impl Weight {
    /// `x` [n, cols] -> [n, rows].
    ///
    /// # Errors
    /// When the width of `x` is not the weight's.
    pub fn forward(&self, x: &Tensor, prompts: &Prompts) -> Result<Tensor> {
        let (n, cols) = x.dims2()?;
        if cols != self.cols() {
            bail!("an input {cols} wide meets a weight {} wide", self.cols());
        }
        if !self.is_plain() {
            return self.matmul_in_tensors(x);
        }
        with_slice(x, |x| tensor(self.matmul(x, prompts, &Cancellation::never()), (n, self.rows())))
    }

    /// `x` [n, cols] -> [n, rows], on slices.
    pub(crate) fn matmul(&self, x: &[f32], prompts: &Prompts, cancellation: &Cancellation) -> Vec<f32> {
        let (rows, cols) = (self.rows(), self.cols());
        let n = x.len() / cols;
        match &prompts.parts(n)[..] {
            [] => Vec::new(),
            [(_, false)] => self.few(x, cancellation),
            #[cfg(target_arch = "x86_64")]
            [(_, true)] => self.on_tiles(x, cancellation),
            parts => {
                let mut y = Vec::with_capacity(n * rows);
                for (part, tiled) in parts {
                    let alone = if *tiled { Prompts::all() } else { Prompts::none() };
                    y.extend(self.matmul(&x[part.start * cols..part.end * cols], &alone, cancellation));
                }
                y
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    fn on_tiles(&self, x: &[f32], cancellation: &Cancellation) -> Vec<f32> {
        use super::amx::gemm::{Keep, Rows, product};
        use super::amx::output::Places;
        let (width, cols) = (self.rows(), self.cols());
        let rows: Vec<&[f32]> = x.chunks_exact(cols).collect();
        let mut y = vec![0.0; rows.len() * width];
        let places = Places::new(&mut y, width);
        product(self, &Rows::pack(&rows, cols, Keep::All), cancellation, |rows, columns, square| {
            // SAFETY: each square has places of its own.
            unsafe { places.put(rows, columns, square) };
        });
        y
    }

    /// `x` [n, cols] -> [n, rows] in ordinary operations. The weight is widened a slab at a time, because rounding the
    /// activations to its type would lose what the CPU keeps.
    pub(crate) fn matmul_in_tensors(&self, x: &Tensor) -> Result<Tensor> {
        let x = x.contiguous()?;
        let slab = (DEVICE_SLAB / self.cols()).max(1);
        let starts = (0..self.rows()).step_by(slab);
        let parts = starts.map(|from| x.matmul(&self.widened(from, self.rows().min(from + slab))?.t()?));
        Tensor::cat(&parts.collect::<Result<Vec<_>>>()?, 1)
    }

    /// The judge of `matmul`: one multiplication at a time, summed in f64.
    pub fn matmul_reference(&self, x: &[f32]) -> Vec<f32> {
        let mut row = vec![0.0; self.cols()];
        let mut y = Vec::new();
        for token in x.chunks_exact(self.cols()) {
            for r in 0..self.rows() {
                self.row(r, &mut row);
                let sum: f64 = row.iter().zip(token).map(|(&w, &v)| f64::from(w) * f64::from(v)).sum();
                y.push(sum as f32);
            }
        }
        y
    }
}
