//! LayerNorm over the last dimension, for vision towers: mean and variance of each row, then weight and bias.
//! Works on slices in host memory.
use rayon::prelude::*;

use crate::huge_pages;
use crate::simd_math::{multiversion, sum};

/// `x` [n, width] -> `out`, the same shape, with `weight` and `bias` [width].
pub fn layer_norm(x: &[f32], weight: &[f32], bias: &[f32], eps: f32, out: &mut Vec<f32>) {
    let width = weight.len();
    huge_pages::resize(out, x.len(), 0.0);
    let rows = out.par_chunks_exact_mut(width).zip(x.par_chunks_exact(width));
    rows.with_min_len(16).for_each(|(out, x)| layer_norm_row(out, x, weight, bias, eps));
}

multiversion! {
    fn layer_norm_row(out: &mut [f32], x: &[f32], weight: &[f32], bias: &[f32], eps: f32) = normalise_row
}

#[inline(always)]
fn normalise_row(out: &mut [f32], x: &[f32], weight: &[f32], bias: &[f32], eps: f32) {
    let mean = sum(x, |x| x) / x.len() as f32;
    let variance = sum(x, |x| (x - mean) * (x - mean)) / x.len() as f32;
    let scale = 1.0 / (variance + eps).sqrt();
    for (((out, x), weight), bias) in out.iter_mut().zip(x).zip(weight).zip(bias) {
        *out = (x - mean) * scale * weight + bias;
    }
}

/// Reference of `layer_norm`: the definition in f64.
pub fn layer_norm_reference(x: &[f32], weight: &[f32], bias: &[f32], eps: f32) -> Vec<f32> {
    let mut out = Vec::with_capacity(x.len());
    for x in x.chunks_exact(weight.len()) {
        let count = x.len() as f64;
        let mean = x.iter().map(|x| f64::from(*x)).sum::<f64>() / count;
        let variance = x.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / count;
        let root = (variance + f64::from(eps)).sqrt();
        let all = x.iter().zip(weight).zip(bias);
        out.extend(all.map(|((x, w), b)| ((f64::from(*x) - mean) / root * f64::from(*w)) as f32 + b));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{close, uniform};

    #[test]
    fn layer_norm_equals_the_definition() {
        for (rows, width) in [(1, 1), (3, 17), (40, 1152)] {
            let (x, weight, bias) = (uniform(rows * width, 1), uniform(width, 2), uniform(width, 3));
            let mut actual = vec![7.0; 3];
            layer_norm(&x, &weight, &bias, 1e-6, &mut actual);
            close(&actual, &layer_norm_reference(&x, &weight, &bias, 1e-6), 1e-5);
        }
    }
}
