//! The distribution that a token is drawn from, by a sort of the whole vocabulary: for requests that ask to
//! see it, and for the reference of `multinomial`.

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
