//! Root-mean-square norm over the last dimension, and the gate of the feed-forward layer.

/// `x` [n, weight.len()], normed in place.
pub fn rms_norm(x: &mut [f32], weight: &[f32], eps: f64) {
    for token in x.chunks_exact_mut(weight.len()) {
        let mean = token.iter().map(|v| v * v).sum::<f32>() / weight.len() as f32;
        let scale = 1.0 / (mean + eps as f32).sqrt();
        for (value, w) in token.iter_mut().zip(weight) {
            *value = *value * scale * w;
        }
    }
}

/// `gate = silu(gate) * up`, in place.
pub fn silu_mul(gate: &mut [f32], up: &[f32]) {
    for (g, u) in gate.iter_mut().zip(up) {
        *g = *g / (1.0 + (-*g).exp()) * u;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        let mut x = [3.0, 4.0];
        rms_norm(&mut x, &[1.0, 2.0], 0.0);
        let rms = (12.5f32).sqrt();
        assert!((x[0] - 3.0 / rms).abs() < 1e-6 && (x[1] - 8.0 / rms).abs() < 1e-6);
        let mut gate = [0.0, 1.0];
        silu_mul(&mut gate, &[5.0, 2.0]);
        assert!(gate[0] == 0.0 && (gate[1] - 2.0 * 0.731_058_6).abs() < 1e-6);
    }
}
