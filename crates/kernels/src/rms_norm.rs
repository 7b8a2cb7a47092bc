//! RMSNorm over the last dimension: of a layer's input, of a latent, or of each head's query and key.
//! In f32 on slices in host memory; on a card it is the beginning of the product that follows.
use candle_core::{Result, Tensor, bail};

use crate::Place;
use crate::place::Vector;
use crate::pool;
use crate::simd_math::{multiversion, sum};
use crate::slices::{tensor, with_slice};

/// Weight and epsilon of a norm.
#[derive(Clone)]
pub struct RmsNorm {
    pub(crate) weight: Vector,
    pub(crate) eps: f64,
}

impl RmsNorm {
    /// # Errors
    /// When the card has no memory.
    pub fn new(weight: Vec<f32>, eps: f64, place: &Place) -> Result<Self> {
        Ok(Self { weight: Vector::new(weight, place)?, eps })
    }

    /// Bytes of the weight.
    pub fn bytes(&self) -> u64 {
        self.weight.len() as u64 * 4
    }

    /// `x` [.., weight] -> the same shape.
    ///
    /// # Errors
    /// When the last dimension differs from the weight's length.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let width = self.weight.len();
        if x.dims().last() != Some(&width) {
            bail!("shape mismatch: norm weight [{width}], input {:?}", x.dims());
        }
        let normed = with_slice(&self.weight.host, |weight| {
            with_slice(x, |x| {
                let mut out = vec![0.0; x.len()];
                rms_norm(x, weight, self.eps, &mut out);
                Ok(out)
            })
        })?;
        tensor(normed, x.shape())
    }
}

/// Normalises `x` [n, weight.len()] into `out`; many tokens on several threads.
pub fn rms_norm(x: &[f32], weight: &[f32], eps: f64, out: &mut [f32]) {
    let width = weight.len();
    pool::rows_mut(out, width, |first, out| {
        let x = &x[first * width..];
        for (x, out) in x.chunks_exact(width).zip(out.chunks_exact_mut(width)) {
            norm_token(x, weight, eps as f32, out);
        }
    });
}

multiversion! {
    fn norm_token(x: &[f32], weight: &[f32], eps: f32, out: &mut [f32]) = norm_token_inline
}

#[inline(always)]
fn norm_token_inline(x: &[f32], weight: &[f32], eps: f32, out: &mut [f32]) {
    let mean = sum(x, |value| value * value) / x.len() as f32;
    let scale = 1.0 / (mean + eps).sqrt();
    for (out, (x, weight)) in out.iter_mut().zip(x.iter().zip(weight)) {
        *out = x * scale * weight;
    }
}

/// Reference of `rms_norm`: the definition in f64.
pub fn rms_norm_reference(x: &[f32], weight: &[f32], eps: f64) -> Vec<f32> {
    let token = |token: &[f32]| -> Vec<f32> {
        let mean = token.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / weight.len() as f64;
        let root = (mean + eps).sqrt();
        token.iter().zip(weight).map(|(v, w)| (f64::from(*v) / root * f64::from(*w)) as f32).collect()
    };
    x.chunks_exact(weight.len()).flat_map(token).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{close, uniform};

    #[test]
    fn known_values() {
        let mut x = [0.0; 2];
        rms_norm(&[3.0, 4.0], &[1.0, 2.0], 0.0, &mut x);
        let rms = (12.5f32).sqrt();
        assert!((x[0] - 3.0 / rms).abs() < 1e-6 && (x[1] - 8.0 / rms).abs() < 1e-6);
    }

    #[test]
    fn the_norm_equals_its_definition() {
        for (tokens, width) in [(1, 1), (3, 17), (5, 576)] {
            let (weight, x) = (uniform(width, 1), uniform(tokens * width, 2));
            let norm = RmsNorm::new(weight.clone(), 1e-6, &Place::Host).unwrap();
            let input = tensor(x.clone(), (tokens, 1, width)).unwrap();
            let expected = rms_norm_reference(&x, &weight, 1e-6);
            let y = norm.forward(&input).unwrap();
            assert_eq!(y.dims(), [tokens, 1, width]);
            close(&y.flatten_all().unwrap().to_vec1::<f32>().unwrap(), &expected, 1e-5);
        }
        let norm = RmsNorm::new(vec![1.0; 4], 1e-6, &Place::Host).unwrap();
        assert!(norm.forward(&tensor(vec![0.0; 5], (1, 5)).unwrap()).is_err());
    }
}
