//! Yarn: positions past the trained length, by frequency (see the YaRN paper; constants from the configuration).
use checkpoint::{DeepseekV3Config, YarnConfig};
use kernels::rope::RopeTable;

/// Cosines and sines for every position the model knows.
pub fn table(config: &DeepseekV3Config) -> RopeTable {
    let (dim, base) = (config.qk_rope_head_dim, config.rope_base());
    let yarn = config.yarn();
    let frequencies: Vec<f64> = (0..dim / 2)
        .map(|pair| {
            let plain = base.powf(-2.0 * pair as f64 / dim as f64);
            yarn.map_or(plain, |yarn| stretched(&yarn, plain, pair, dim, base))
        })
        .collect();
    let scale =
        yarn.map_or(1.0, |yarn| mscale(yarn.factor, yarn.mscale) / mscale(yarn.factor, yarn.mscale_all_dim));
    RopeTable::new(&frequencies, config.max_position_embeddings, scale)
}

/// The factor of the softmax: the usual root, and yarn's temperature squared.
pub fn softmax_scale(config: &DeepseekV3Config) -> f32 {
    let width = (config.qk_nope_head_dim + config.qk_rope_head_dim) as f64;
    let temperature = config.yarn().map_or(1.0, |yarn| mscale(yarn.factor, yarn.mscale_all_dim));
    (width.powf(-0.5) * temperature * temperature) as f32
}

fn mscale(factor: f64, m: f64) -> f64 {
    if factor <= 1.0 { 1.0 } else { 0.1 * m * factor.ln() + 1.0 }
}

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
