//! The inverse frequencies of RoPE, plain or scaled for contexts beyond the trained length: linear, YaRN,
//! Llama 3.
use checkpoint::{Llama3Config, RopeScaling, YarnConfig};
use kernels::rope::{Rope, RopeStyle};

/// The rotary embedding of heads with `dim` rotated dimensions.
pub fn rope(config: &checkpoint::Rope, style: RopeStyle, dim: usize) -> Rope {
    let scale = if let RopeScaling::Yarn(yarn) = config.scaling { yarn.angle_scale() } else { 1.0 };
    Rope { style, inv_freq: frequencies(config, dim), scale }
}

/// Radians per position, for each pair of dimensions.
fn frequencies(rope: &checkpoint::Rope, dim: usize) -> Vec<f64> {
    let plain = |pair: usize| rope.theta.powf(-2.0 * pair as f64 / dim as f64);
    let frequency = |pair: usize| match rope.scaling {
        RopeScaling::Plain => plain(pair),
        RopeScaling::Linear { factor } => plain(pair) / factor,
        RopeScaling::Yarn(yarn) => yarn_scaled(&yarn, plain(pair), pair, dim, rope.theta),
        RopeScaling::Llama3(llama) => llama3_scaled(&llama, plain(pair)),
    };
    (0..dim / 2).map(frequency).collect()
}

/// YaRN: high frequencies stay, low ones are divided by the factor, those between are interpolated on a
/// linear ramp.
fn yarn_scaled(yarn: &YarnConfig, plain: f64, pair: usize, dim: usize, base: f64) -> f64 {
    let correction = |rotations: f64| {
        dim as f64 * (yarn.original / (rotations * std::f64::consts::TAU)).ln() / (2.0 * base.ln())
    };
    let low = correction(yarn.beta_fast).floor().max(0.0);
    let mut high = correction(yarn.beta_slow).ceil().min(dim as f64 - 1.0);
    if low == high {
        high += 0.001;
    }
    let ramp = ((pair as f64 - low) / (high - low)).clamp(0.0, 1.0);
    plain / yarn.factor * ramp + plain * (1.0 - ramp)
}

/// Llama 3.1: interpolated by the number of rotations within the trained length.
fn llama3_scaled(llama: &Llama3Config, plain: f64) -> f64 {
    let rotations = llama.original * plain / std::f64::consts::TAU;
    let unscaled = (rotations - llama.low_freq_factor) / (llama.high_freq_factor - llama.low_freq_factor);
    let unscaled = unscaled.clamp(0.0, 1.0);
    plain / llama.factor * (1.0 - unscaled) + plain * unscaled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(scaling: RopeScaling, dim: usize, theta: f64, pair: usize, expect: f64) {
        let actual = frequencies(&checkpoint::Rope { theta, scaling }, dim)[pair];
        assert!(
            (actual / expect - 1.0).abs() < 1e-6,
            "{scaling:?}, pair {pair}: {actual}, expected {expect}"
        );
    }

    #[test]
    fn published_scalings_give_the_frequencies_of_their_papers() {
        let plain = |theta: f64, pair: i32, dim: i32| theta.powf(-2.0 * f64::from(pair) / f64::from(dim));
        // R1: pairs up to 10 keep their frequency, from 23 on it is divided by 40, between it is
        // interpolated.
        let yarn = RopeScaling::Yarn(YarnConfig {
            factor: 40.0,
            original: 4096.0,
            beta_fast: 32.0,
            beta_slow: 1.0,
            mscale: Some(1.0),
            mscale_all_dim: Some(1.0),
            attention_factor: None,
        });
        check(yarn, 64, 1e4, 10, plain(1e4, 10, 64));
        check(yarn, 64, 1e4, 23, plain(1e4, 23, 64) / 40.0);
        let unscaled = 1.0 - 5.0 / 13.0;
        check(yarn, 64, 1e4, 15, plain(1e4, 15, 64) * (unscaled + (1.0 - unscaled) / 40.0));
        // Llama 3.1: frequencies with wavelengths below 8192 / 4 stay, those above 8192 are divided by 8.
        let llama = RopeScaling::Llama3(Llama3Config {
            factor: 8.0,
            low_freq_factor: 1.0,
            high_freq_factor: 4.0,
            original: 8192.0,
        });
        check(llama, 128, 5e5, 28, plain(5e5, 28, 128));
        check(llama, 128, 5e5, 36, plain(5e5, 36, 128) / 8.0);
        check(RopeScaling::Linear { factor: 4.0 }, 64, 1e4, 3, plain(1e4, 3, 64) / 4.0);
    }
}
