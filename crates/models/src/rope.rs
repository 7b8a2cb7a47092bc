//! The frequencies of the rotary angles: plain, or changed for positions past the trained length.
use checkpoint::{Llama3Config, RopeScaling, YarnConfig};
use kernels::rope::{Pairs, Rope};

/// Of heads whose rotated part has `dim` numbers.
pub fn rope(config: &checkpoint::Rope, pairs: Pairs, dim: usize) -> Rope {
    let scale = if let RopeScaling::Yarn(yarn) = config.scaling { yarn.angle_scale() } else { 1.0 };
    Rope { pairs, inverse_frequencies: frequencies(config, dim), scale }
}

/// Radians a position, for each pair.
fn frequencies(rope: &checkpoint::Rope, dim: usize) -> Vec<f64> {
    let plain = |pair: usize| rope.theta.powf(-2.0 * pair as f64 / dim as f64);
    let frequency = |pair: usize| match rope.scaling {
        RopeScaling::Plain => plain(pair),
        RopeScaling::Linear { factor } => plain(pair) / factor,
        RopeScaling::Yarn(yarn) => stretched(&yarn, plain(pair), pair, dim, rope.theta),
        RopeScaling::Llama3(llama) => blended(&llama, plain(pair)),
    };
    (0..dim / 2).map(frequency).collect()
}

/// Yarn: fast pairs keep their frequency, slow ones are divided by the factor, those between are blended.
fn stretched(yarn: &YarnConfig, plain: f64, pair: usize, dim: usize, base: f64) -> f64 {
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

/// Llama 3.1: by how often a pair turns within the trained length.
fn blended(llama: &Llama3Config, plain: f64) -> f64 {
    let turns = llama.original * plain / std::f64::consts::TAU;
    let kept = (turns - llama.low_freq_factor) / (llama.high_freq_factor - llama.low_freq_factor);
    let kept = kept.clamp(0.0, 1.0);
    plain / llama.factor * (1.0 - kept) + plain * kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(scaling: RopeScaling, dim: usize, theta: f64, pair: usize, expect: f64) {
        let actual = frequencies(&checkpoint::Rope { theta, scaling }, dim)[pair];
        assert!((actual / expect - 1.0).abs() < 1e-6, "{scaling:?}, pair {pair}: {actual}, not {expect}");
    }

    #[test]
    fn published_scalings_give_the_frequencies_of_their_papers() {
        let plain = |theta: f64, pair: i32, dim: i32| theta.powf(-2.0 * f64::from(pair) / f64::from(dim));
        // R1: pairs up to 10 keep their frequency, from 23 on it is a fortieth, between it falls in even steps.
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
        let kept = 1.0 - 5.0 / 13.0;
        check(yarn, 64, 1e4, 15, plain(1e4, 15, 64) * (kept + (1.0 - kept) / 40.0));
        // Llama 3.1: waves shorter than 8192 / 4 stay, longer than 8192 are an eighth.
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
