//! Layer norm over the last dimension, as vision towers have it: mean and spread of each row, then weight and bias.
use rayon::prelude::*;

use crate::huge_pages;
use crate::simd_math::{in_widest, sum};

/// `x` [n, width] -> `out`, the same shape, with `weight` and `bias` [width].
pub fn layer_norm(x: &[f32], weight: &[f32], bias: &[f32], eps: f32, out: &mut Vec<f32>) {
    let width = weight.len();
    huge_pages::resize(out, x.len(), 0.0);
    let rows = out.par_chunks_exact_mut(width).zip(x.par_chunks_exact(width));
    rows.with_min_len(16).for_each(|(out, x)| row(out, x, weight, bias, eps));
}

in_widest! {
    fn row(out: &mut [f32], x: &[f32], weight: &[f32], bias: &[f32], eps: f32) = normed
}

#[inline(always)]
fn normed(out: &mut [f32], x: &[f32], weight: &[f32], bias: &[f32], eps: f32) {
    let mean = sum(x, |x| x) / x.len() as f32;
    let spread = sum(x, |x| (x - mean) * (x - mean)) / x.len() as f32;
    let scale = 1.0 / (spread + eps).sqrt();
    for (((out, x), weight), bias) in out.iter_mut().zip(x).zip(weight).zip(bias) {
        *out = (x - mean) * scale * weight + bias;
    }
}

/// The judge of `layer_norm`: the definition in f64.
pub fn layer_norm_reference(x: &[f32], weight: &[f32], bias: &[f32], eps: f32) -> Vec<f32> {
    let mut out = Vec::with_capacity(x.len());
    for x in x.chunks_exact(weight.len()) {
        let count = x.len() as f64;
        let mean = x.iter().map(|x| f64::from(*x)).sum::<f64>() / count;
        let spread = x.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / count;
        let root = (spread + f64::from(eps)).sqrt();
        let all = x.iter().zip(weight).zip(bias);
        out.extend(all.map(|((x, w), b)| ((f64::from(*x) - mean) / root * f64::from(*w)) as f32 + b));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{close, numbers};

    #[test]
    fn it_equals_the_definition() {
        for (rows, width) in [(1, 1), (3, 17), (40, 1152)] {
            let (x, weight, bias) = (numbers(rows * width, 1), numbers(width, 2), numbers(width, 3));
            let mut fast = vec![7.0; 3];
            layer_norm(&x, &weight, &bias, 1e-6, &mut fast);
            close(&fast, &layer_norm_reference(&x, &weight, &bias, 1e-6), 1e-5);
        }
    }
}
