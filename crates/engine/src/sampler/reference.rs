//! Sampling by a sort of the whole vocabulary: what `multinomial` must equal, token for token. Only tests and
//! the benchmark compile it.

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

/// Every token with its probability, most likely first; of equal ones the lower id first.
pub fn probabilities(logits: &[f32], temperature: f32) -> Vec<(u32, f32)> {
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weights = logits.iter().map(|logit| ((logit - top) / temperature).exp());
    let mut list: Vec<(u32, f32)> = weights.enumerate().map(|(id, weight)| (id as u32, weight)).collect();
    let sum: f32 = list.iter().map(|(_, weight)| weight).sum();
    list.iter_mut().for_each(|(_, weight)| *weight /= sum);
    list.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    list
}

/// Applies top_k, top_p and min_p to a sorted list. The most likely token always stays.
pub fn filter(mut list: Vec<(u32, f32)>, top_k: usize, top_p: f32, min_p: f32) -> Vec<(u32, f32)> {
    if top_k > 0 {
        list.truncate(top_k);
    }
    if top_p < 1.0 {
        let total: f32 = list.iter().map(|(_, p)| p).sum();
        let mut sum = 0.0;
        let enough = list.iter().position(|(_, p)| {
            sum += p;
            sum >= top_p * total
        });
        list.truncate(enough.map_or(list.len(), |last| last + 1));
    }
    let floor = list[0].1 * min_p;
    list.retain(|(_, p)| *p >= floor);
    list
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
