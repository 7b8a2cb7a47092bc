//! RMSNorm over the last dimension: of a layer's input, of a latent, or of each head's query and key.
//! In f32 on slices in host memory; on a card it is the beginning of the product that follows.
use candle_core::{Result, Tensor, bail};

use crate::Place;
use crate::place::Vector;
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
                let mut x = x.to_vec();
                rms_norm(&mut x, weight, self.eps);
                Ok(x)
            })
        })?;
        tensor(normed, x.shape())
    }
}

/// Normalises `x` [n, weight.len()] in place.
pub fn rms_norm(x: &mut [f32], weight: &[f32], eps: f64) {
    for token in x.chunks_exact_mut(weight.len()) {
        let mean = token.iter().map(|v| v * v).sum::<f32>() / weight.len() as f32;
        let scale = 1.0 / (mean + eps as f32).sqrt();
        for (value, w) in token.iter_mut().zip(weight) {
            *value = *value * scale * w;
        }
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
        let mut x = [3.0, 4.0];
        rms_norm(&mut x, &[1.0, 2.0], 0.0);
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
