//! Sampling by a sort of the whole vocabulary: what `multinomial` must equal, token for token. Only tests and
//! the benchmark compile it.

use super::distribution::{filter, probabilities};

/// The token at `uniform` in [0, 1); `cuts` are temperature, top_k, top_p and min_p.
pub fn multinomial(logits: &[f32], cuts: (f32, usize, f32, f32), uniform: f64) -> u32 {
    let (temperature, top_k, top_p, min_p) = cuts;
    let candidates = filter(probabilities(logits, temperature), top_k, top_p, min_p);
    let total: f64 = candidates.iter().map(|(_, p)| f64::from(*p)).sum();
    let mut left = uniform * total;
    for (id, p) in &candidates {
        left -= f64::from(*p);
        if left < 0.0 {
            return *id;
        }
    }
    candidates.last().expect("the most likely token is always kept").0
}

/// Ids of the `count` largest logits, largest first; of equal ones the lower id first.
pub fn largest(logits: &[f32], count: usize) -> Vec<u32> {
    let mut best: Vec<u32> = Vec::with_capacity(count + 1);
    for id in 0..logits.len() as u32 {
        let at =
            best.partition_point(|&other| logits[other as usize].total_cmp(&logits[id as usize]).is_ge());
        if at < count {
            best.insert(at, id);
            best.truncate(count);
        }
    }
    best
}

pub fn log_sum_exp(logits: &[f32]) -> f32 {
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    top + logits.iter().map(|logit| (logit - top).exp()).sum::<f32>().ln()
}
