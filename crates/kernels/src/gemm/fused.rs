//! `y = epilogue(x W^T + b)` for the patches of an image, which are always processed together: the order of
//! additions may depend on the number of rows. On AMX, activations and weights that bf16 cannot hold keep 16
//! bits of mantissa; elsewhere everything is f32.
use candle_core::{Result, Tensor, bail};
use rayon::prelude::*;

use super::epilogue::{Epilogue, TileEpilogue, apply};
use crate::Linear;
use crate::slices::{tensor, with_slice};
#[cfg(target_arch = "x86_64")]
use crate::{Cancellation, Weight, huge_pages};

/// Elements of a weight that become f32 at a time.
const SLAB: usize = 1 << 25;

impl Linear {
    /// `x` [n, cols] -> `y` [n, rows], for a weight in host memory. `y` is overwritten and its allocation
    /// reused.
    ///
    /// # Errors
    /// When the length of `x` or of the residual does not match, or the weight is on a card.
    pub fn gemm(&self, x: &[f32], epilogue: Epilogue, y: &mut Vec<f32>) -> Result<()> {
        let (weight, cols) = (self.weight(), self.weight().cols());
        if !weight.is_host() || !x.len().is_multiple_of(cols) {
            bail!("shape mismatch: input of {} values, weight [{}, {cols}]", x.len(), weight.rows());
        }
        let n = x.len() / cols;
        if let Epilogue::BiasResidual(residual) = epilogue
            && residual.len() != n * weight.rows()
        {
            bail!("shape mismatch: residual of {} values, output [{n}, {}]", residual.len(), weight.rows());
        }
        match self.bias() {
            Some(bias) => with_slice(&bias.host, |bias| self.gemm_host(x, n, bias, epilogue, y)),
            None => self.gemm_host(x, n, &vec![0.0; weight.rows()], epilogue, y),
        }
    }

    fn gemm_host(
        &self,
        x: &[f32],
        n: usize,
        bias: &[f32],
        epilogue: Epilogue,
        y: &mut Vec<f32>,
    ) -> Result<()> {
        #[cfg(target_arch = "x86_64")]
        if n > 0 && super::amx::available() {
            gemm_amx(self.weight(), x, bias, epilogue, y);
            return Ok(());
        }
        *y = self.gemm_in_tensors(x, n, bias, epilogue)?;
        Ok(())
    }

    /// For any processor.
    fn gemm_in_tensors(&self, x: &[f32], n: usize, bias: &[f32], epilogue: Epilogue) -> Result<Vec<f32>> {
        let (rows, cols) = (self.weight().rows(), self.weight().cols());
        let x = tensor(x.to_vec(), (n, cols))?;
        let weight = self.weight();
        // One slab at a time becomes f32: converting the activations to the weight's type would round them.
        let slab = (SLAB / cols).max(1);
        let products = (0..rows).step_by(slab).map(|from| {
            let ids: Vec<u32> = (from as u32..rows.min(from + slab) as u32).collect();
            x.matmul(&weight.index_select(&ids)?.t()?)
        });
        let products = Tensor::cat(&products.collect::<Result<Vec<_>>>()?, 1)?;
        let mut y: Vec<f32> = products.flatten_all()?.to_vec1()?;
        y.par_chunks_mut(8 * rows).enumerate().for_each(|(at, y)| {
            let residual = if let Epilogue::BiasResidual(residual) = epilogue {
                &residual[8 * at * rows..]
            } else {
                &[]
            };
            let gelu = matches!(epilogue, Epilogue::BiasGelu);
            apply(y, rows, &TileEpilogue { bias, residual, width: rows, gelu });
        });
        Ok(y)
    }
}

#[cfg(target_arch = "x86_64")]
fn gemm_amx(weight: &Weight, x: &[f32], bias: &[f32], epilogue: Epilogue, y: &mut Vec<f32>) {
    use super::amx::NR;
    use super::amx::gemm::{PackedA, Split, gemm};
    use super::{OutputTiles, Tile};
    let (width, cols) = (weight.rows(), weight.cols());
    let rows: Vec<&[f32]> = x.chunks_exact(cols).collect();
    huge_pages::resize(y, rows.len() * width, 0.0);
    let out = OutputTiles::new(y, width);
    let packed = PackedA::pack(&rows, cols, Split::Bf16x2);
    gemm(weight, &packed, &Cancellation::never(), |rows, columns, tile| {
        let residual = match epilogue {
            Epilogue::BiasResidual(residual) => &residual[rows.start * width + columns.start..],
            _ => &[],
        };
        let gelu = matches!(epilogue, Epilogue::BiasGelu);
        let bias = &bias[columns.clone()];
        apply(&mut tile[..rows.len() * NR], NR, &TileEpilogue { bias, residual, width, gelu });
        // SAFETY: each tile is written once.
        unsafe { out.store(&Tile { rows, columns, values: tile, stride: NR }) };
    });
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use formats::Dtype;

    use super::*;
    use crate::testing::{close, uniform};
    use crate::{Place, Weight};

    fn linear(dtype: Dtype, rows: usize, cols: usize) -> Linear {
        let mut bytes = Vec::new();
        uniform(rows * cols, 1).chunks_exact(cols).for_each(|row| formats::encode(dtype, row, &mut bytes));
        let weight = Weight::new(rows, cols, dtype, Arc::new(bytes), None, &Place::Host).expect("it fits");
        Linear::new(weight, Some(uniform(rows, 2)), &Place::Host).expect("it fits")
    }

    #[test]
    fn both_forms_equal_the_reference() {
        for (dtype, rows, cols, n) in [
            (Dtype::BF16, 300, 588, 50),
            (Dtype::BF16, 40, 1250, 35),
            (Dtype::F32, 20, 1170, 3),
            (Dtype::BF16, 17, 33, 1),
            (Dtype::F32, 130, 70, 33),
            (Dtype::F16, 16, 32, 32),
            (Dtype::Q8_0, 257, 64, 500),
        ] {
            let (linear, x) = (linear(dtype, rows, cols), uniform(n * cols, 3));
            let residual = uniform(n * rows, 4);
            let product: Vec<f32> = linear.weight().matmul_reference(&x);
            let bias = uniform(rows, 2);
            let biased: Vec<f32> = product.iter().zip(bias.iter().cycle()).map(|(y, b)| y + b).collect();
            let exact_gelu = |x: &f32| {
                let x = f64::from(*x);
                let u = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x);
                (0.5 * x * (1.0 + u.tanh())) as f32
            };
            let gelu: Vec<f32> = biased.iter().map(exact_gelu).collect();
            let with_residual: Vec<f32> =
                biased.iter().zip(&residual).map(|(y, residual)| y + residual).collect();
            // The error of `cols` products of values below a half with 16 bits of mantissa.
            let tolerance = 2f32.powi(-17) * (cols as f32).sqrt();
            for (epilogue, expected) in [
                (Epilogue::Bias, biased),
                (Epilogue::BiasGelu, gelu),
                (Epilogue::BiasResidual(&residual), with_residual),
            ] {
                let mut actual = vec![7.0; 5];
                linear.gemm(&x, epilogue, &mut actual).expect("it fits");
                close(&actual, &expected, tolerance);
                close(
                    &linear.gemm_in_tensors(&x, n, &bias, epilogue).expect("it fits"),
                    &expected,
                    tolerance,
                );
            }
        }
    }

    #[test]
    fn mismatched_shapes_are_refused() {
        let linear = linear(Dtype::BF16, 5, 7);
        let mut y = vec![7.0];
        assert!(linear.gemm(&[0.0; 8], Epilogue::Bias, &mut y).is_err());
        assert!(linear.gemm(&[0.0; 14], Epilogue::BiasResidual(&[0.0; 9]), &mut y).is_err());
        linear.gemm(&[], Epilogue::Bias, &mut y).expect("no rows");
        assert_eq!(y, [0.0f32; 0]);
    }
}
