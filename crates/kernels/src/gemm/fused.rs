//! `y = x W^T + b` for the many rows of a picture, which are always seen together: unlike `linear`, the order of additions is
//! whatever is fastest here. On AMX numbers that bf16 does not hold keep 16 of their bits; elsewhere all is f32.
use candle_core::{Result, bail};
use rayon::prelude::*;

use super::epilogue::{Beside, Then, finish_lines};
use crate::Linear;
use crate::slices::{tensor, with_slice};
#[cfg(target_arch = "x86_64")]
use crate::{Cancellation, Weight, huge_pages};

impl Linear {
    /// `x` [n, cols] -> `y` [n, rows], of a weight in the processor's memory. What `y` has held is gone; its room is used again.
    ///
    /// # Errors
    /// When `x` is not whole rows, what is added is of another size, or the weight lies on a device.
    pub fn many(&self, x: &[f32], then: Then, y: &mut Vec<f32>) -> Result<()> {
        let (weight, cols) = (self.weight(), self.weight().cols());
        if !weight.is_plain() || !x.len().is_multiple_of(cols) {
            bail!("{} numbers meet a weight {cols} wide", x.len());
        }
        let n = x.len() / cols;
        if let Then::Add(more) = then
            && more.len() != n * weight.rows()
        {
            bail!("{} numbers are added to {n} rows of {}", more.len(), weight.rows());
        }
        match self.bias() {
            Some(bias) => with_slice(bias, |bias| self.product(x, n, bias, then, y)),
            None => self.product(x, n, &vec![0.0; weight.rows()], then, y),
        }
    }

    fn product(&self, x: &[f32], n: usize, bias: &[f32], then: Then, y: &mut Vec<f32>) -> Result<()> {
        #[cfg(target_arch = "x86_64")]
        if n > 0 && super::amx::available() {
            product_on_tiles(self.weight(), x, bias, then, y);
            return Ok(());
        }
        *y = self.product_in_tensors(x, n, bias, then)?;
        Ok(())
    }

    /// What any processor can.
    fn product_in_tensors(&self, x: &[f32], n: usize, bias: &[f32], then: Then) -> Result<Vec<f32>> {
        let (rows, cols) = (self.weight().rows(), self.weight().cols());
        let x = tensor(x.to_vec(), (n, cols))?;
        let mut y: Vec<f32> = self.weight().matmul_in_tensors(&x)?.flatten_all()?.to_vec1()?;
        y.par_chunks_mut(8 * rows).enumerate().for_each(|(at, y)| {
            let more = if let Then::Add(more) = then { &more[8 * at * rows..] } else { &[] };
            let beside = Beside { bias, more, width: rows, gelu: matches!(then, Then::Gelu) };
            finish_lines(y, rows, &beside);
        });
        Ok(y)
    }
}

#[cfg(target_arch = "x86_64")]
fn product_on_tiles(weight: &Weight, x: &[f32], bias: &[f32], then: Then, y: &mut Vec<f32>) {
    use super::amx::SQUARE;
    use super::amx::gemm::{Keep, Rows, product};
    use super::amx::output::Places;
    let (width, cols) = (weight.rows(), weight.cols());
    let rows: Vec<&[f32]> = x.chunks_exact(cols).collect();
    huge_pages::resize(y, rows.len() * width, 0.0);
    let out = Places::new(y, width);
    product(weight, &Rows::pack(&rows, cols, Keep::Most), &Cancellation::never(), |rows, columns, square| {
        let more = if let Then::Add(more) = then { &more[rows.start * width + columns.start..] } else { &[] };
        let beside = Beside { bias: &bias[columns.clone()], more, width, gelu: matches!(then, Then::Gelu) };
        finish_lines(&mut square[..rows.len() * SQUARE], SQUARE, &beside);
        // SAFETY: each square has places of its own.
        unsafe { out.put(rows, columns, square) };
    });
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use candle_core::Device;
    use formats::Dtype;

    use super::*;
    use crate::Weight;
    use crate::testing::{close, numbers};

    fn linear(dtype: Dtype, rows: usize, cols: usize) -> Linear {
        let mut bytes = Vec::new();
        numbers(rows * cols, 1).chunks_exact(cols).for_each(|row| formats::encode(dtype, row, &mut bytes));
        let weight = Weight::new(rows, cols, dtype, Arc::new(bytes), None, &Device::Cpu).expect("it fits");
        Linear::new(weight, Some(numbers(rows, 2))).expect("it fits")
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
            let (linear, x) = (linear(dtype, rows, cols), numbers(n * cols, 3));
            let more = numbers(n * rows, 4);
            let plain: Vec<f32> = linear.weight().matmul_reference(&x);
            let bias = numbers(rows, 2);
            let biased: Vec<f32> = plain.iter().zip(bias.iter().cycle()).map(|(y, b)| y + b).collect();
            let slow_gelu = |x: &f32| {
                let x = f64::from(*x);
                let u = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x);
                (0.5 * x * (1.0 + u.tanh())) as f32
            };
            let gelu: Vec<f32> = biased.iter().map(slow_gelu).collect();
            let added: Vec<f32> = biased.iter().zip(&more).map(|(y, more)| y + more).collect();
            // Sums of `cols` products of numbers below a half, of which 16 bits are kept.
            let near = 2f32.powi(-17) * (cols as f32).sqrt();
            for (then, slow) in [(Then::Nothing, biased), (Then::Gelu, gelu), (Then::Add(&more), added)] {
                let mut fast = vec![7.0; 5];
                linear.many(&x, then, &mut fast).expect("it fits");
                close(&fast, &slow, near);
                close(&linear.product_in_tensors(&x, n, &bias, then).expect("it fits"), &slow, near);
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let linear = linear(Dtype::BF16, 5, 7);
        let mut y = vec![7.0];
        assert!(linear.many(&[0.0; 8], Then::Nothing, &mut y).is_err());
        assert!(linear.many(&[0.0; 14], Then::Add(&[0.0; 9]), &mut y).is_err());
        linear.many(&[], Then::Nothing, &mut y).expect("no rows");
        assert_eq!(y, [0.0f32; 0]);
    }
}
