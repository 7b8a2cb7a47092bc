//! Reference of every form of attention: the definition in f64, on the decoded cache.
//! For tests only.
use super::{GqaSizes, MlaSizes};
use crate::Weight;

/// Scores, softmax and weighted sum of one query.
fn attend(q: &[f64], keys: &[Vec<f64>], values: &[Vec<f64>], scale: f32) -> Vec<f32> {
    let dot = |key: &Vec<f64>| q.iter().zip(key).map(|(a, b)| a * b).sum::<f64>() * f64::from(scale);
    let scores: Vec<f64> = keys.iter().map(dot).collect();
    let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let numerators: Vec<f64> = scores.iter().map(|score| (score - max).exp()).collect();
    let sum: f64 = numerators.iter().sum();
    let weighted = |d: usize| values.iter().zip(&numerators).map(|(v, p)| v[d] * p).sum::<f64>() / sum;
    (0..values[0].len()).map(|d| weighted(d) as f32).collect()
}

fn to_f64(x: &[f32]) -> Vec<f64> {
    x.iter().map(|x| f64::from(*x)).collect()
}

/// `q` [T, heads, nope + rope], `cache` [past + T, latent + rope] -> [T, heads * value]: keys and values of
/// every head are expanded from every latent.
pub fn mla(sizes: &MlaSizes, kv_b: &Weight, q: &[f32], cache: &[f32]) -> Vec<f32> {
    let MlaSizes { heads, latent, nope, rope, value, scale } = *sizes;
    let cached: Vec<(Vec<f32>, &[f32])> = cache
        .chunks_exact(latent + rope)
        .map(|row| (kv_b.matmul_reference(&row[..latent]), &row[latent..]))
        .collect();
    let tokens = q.len() / (heads * (nope + rope));
    let past = cached.len() - tokens;
    let mut out = Vec::new();
    for (index, query) in q.chunks_exact(nope + rope).enumerate() {
        let (t, head) = (index / heads, index % heads);
        let attended = &cached[..=past + t];
        let row = |kv: &[f32]| to_f64(&kv[head * (nope + value)..][..nope + value]);
        let keys: Vec<Vec<f64>> =
            attended.iter().map(|(kv, k_pe)| [&row(kv)[..nope], &to_f64(k_pe)[..]].concat()).collect();
        let values: Vec<Vec<f64>> = attended.iter().map(|(kv, _)| row(kv)[nope..].to_vec()).collect();
        out.extend(attend(&to_f64(query), &keys, &values, scale));
    }
    out
}

/// `q` [T, heads, head_dim], `cache` [past + T, kv_heads, 2, head_dim] -> [T, heads * head_dim].
pub fn gqa(sizes: &GqaSizes, q: &[f32], cache: &[f32]) -> Vec<f32> {
    let GqaSizes { heads, kv_heads, head_dim, scale } = *sizes;
    let cached: Vec<&[f32]> = cache.chunks_exact(kv_heads * 2 * head_dim).collect();
    let tokens = q.len() / (heads * head_dim);
    let past = cached.len() - tokens;
    let mut out = Vec::new();
    for (index, query) in q.chunks_exact(head_dim).enumerate() {
        let (t, head) = (index / heads, index % heads);
        let key_head = head * kv_heads / heads;
        let side = |row: &&[f32], side: usize| to_f64(&row[(key_head * 2 + side) * head_dim..][..head_dim]);
        let attended = &cached[..=past + t];
        let keys: Vec<Vec<f64>> = attended.iter().map(|row| side(row, 0)).collect();
        let values: Vec<Vec<f64>> = attended.iter().map(|row| side(row, 1)).collect();
        out.extend(attend(&to_f64(query), &keys, &values, scale));
    }
    out
}
