//! Latent attention in its two forms. Both read the cached latent [c | k_pe]; they are equal in exact arithmetic.
//!
//! *Absorbed* (decode): the query carries the up-projection, every head reads the same latent.
//! *Expanded* (prefill): keys and values of one chunk are made once and meet many queries.
use rayon::prelude::*;

/// Sizes of one attention layer.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    pub heads: usize,
    pub latent: usize,
    pub nope: usize,
    pub rope: usize,
    pub value: usize,
    pub scale: f32,
}

/// One query of all heads against `latents` [tokens, latent + rope].
///
/// `q` is [heads, latent + rope]: the absorbed part, then the rotated part. Returns [heads, latent].
pub fn absorbed(sizes: &Sizes, q: &[f32], latents: &[f32]) -> Vec<f32> {
    let width = sizes.latent + sizes.rope;
    let mut context = vec![0.0; sizes.heads * sizes.latent];
    for (query, out) in q.chunks_exact(width).zip(context.chunks_exact_mut(sizes.latent)) {
        let mut scores: Vec<f32> = latents
            .chunks_exact(width)
            .map(|latent| crate::linear::dot(query, latent) * sizes.scale)
            .collect();
        softmax(&mut scores);
        for (latent, p) in latents.chunks_exact(width).zip(&scores) {
            for (o, c) in out.iter_mut().zip(latent) {
                *o += p * c;
            }
        }
    }
    context
}

/// A chunk of queries against expanded keys and values, causal.
pub struct Expanded<'a> {
    /// [queries, heads, nope + rope], rotated.
    pub q: &'a [f32],
    /// [tokens, heads, nope + value]: what the up-projection gives.
    pub kv: &'a [f32],
    /// [tokens, rope], rotated, shared by all heads.
    pub k_pe: &'a [f32],
    /// Tokens before the first query.
    pub past: usize,
}

/// Returns [queries, heads, value].
pub fn expanded(sizes: &Sizes, input: &Expanded) -> Vec<f32> {
    let (q_width, kv_width) = (sizes.nope + sizes.rope, sizes.nope + sizes.value);
    let queries = input.q.len() / (sizes.heads * q_width);
    let mut out = vec![0.0; queries * sizes.heads * sizes.value];
    out.par_chunks_mut(sizes.value).enumerate().for_each(|(index, out)| {
        let (t, head) = (index / sizes.heads, index % sizes.heads);
        let query = &input.q[index * q_width..][..q_width];
        let (q_nope, q_pe) = query.split_at(sizes.nope);
        let row = |s: usize| &input.kv[(s * sizes.heads + head) * kv_width..][..kv_width];
        let mut scores: Vec<f32> = (0..=input.past + t)
            .map(|s| {
                let rotated = crate::linear::dot(q_pe, &input.k_pe[s * sizes.rope..][..sizes.rope]);
                (crate::linear::dot(q_nope, &row(s)[..sizes.nope]) + rotated) * sizes.scale
            })
            .collect();
        softmax(&mut scores);
        for (s, p) in scores.iter().enumerate() {
            for (o, v) in out.iter_mut().zip(&row(s)[sizes.nope..]) {
                *o += p * v;
            }
        }
    });
    out
}

fn softmax(scores: &mut [f32]) {
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - largest).exp();
        sum += *score;
    }
    for score in scores.iter_mut() {
        *score /= sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: Sizes = Sizes { heads: 3, latent: 8, nope: 4, rope: 2, value: 5, scale: 0.4 };

    fn numbers(count: usize, seed: u64) -> Vec<f32> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 40) as f32 / (1u32 << 24) as f32 - 0.5
        };
        (0..count).map(|_| next()).collect()
    }

    /// Straight from the definition, in f64: scores, softmax, weighted sum of one head.
    fn reference(q: &[f32], keys: &[Vec<f32>], values: &[Vec<f32>]) -> Vec<f64> {
        let score = |key: &Vec<f32>| {
            q.iter().zip(key).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>()
                * f64::from(SIZES.scale)
        };
        let weights: Vec<f64> = keys.iter().map(|key| score(key).exp()).collect();
        let sum: f64 = weights.iter().sum();
        let mut out = vec![0.0; values[0].len()];
        for (value, weight) in values.iter().zip(&weights) {
            out.iter_mut().zip(value).for_each(|(o, v)| *o += weight / sum * f64::from(*v));
        }
        out
    }

    fn close(fast: &[f32], slow: &[f64]) {
        assert_eq!(fast.len(), slow.len());
        for (a, b) in fast.iter().zip(slow) {
            assert!((f64::from(*a) - b).abs() < 1e-5, "{fast:?} {slow:?}");
        }
    }

    #[test]
    fn absorbed_equals_the_definition() {
        let width = SIZES.latent + SIZES.rope;
        let (q, latents) = (numbers(SIZES.heads * width, 1), numbers(7 * width, 2));
        let keys: Vec<Vec<f32>> = latents.chunks(width).map(<[f32]>::to_vec).collect();
        let values: Vec<Vec<f32>> = keys.iter().map(|key| key[..SIZES.latent].to_vec()).collect();
        let fast = absorbed(&SIZES, &q, &latents);
        for head in 0..SIZES.heads {
            let slow = reference(&q[head * width..][..width], &keys, &values);
            close(&fast[head * SIZES.latent..][..SIZES.latent], &slow);
        }
    }

    #[test]
    fn expanded_equals_the_definition_and_sees_no_future() {
        let (q_width, kv_width, past, queries) = (SIZES.nope + SIZES.rope, SIZES.nope + SIZES.value, 3, 4);
        let tokens = past + queries;
        let q = numbers(queries * SIZES.heads * q_width, 3);
        let kv = numbers(tokens * SIZES.heads * kv_width, 4);
        let k_pe = numbers(tokens * SIZES.rope, 5);
        let fast = expanded(&SIZES, &Expanded { q: &q, kv: &kv, k_pe: &k_pe, past });
        for t in 0..queries {
            for head in 0..SIZES.heads {
                let row = |s: usize| &kv[(s * SIZES.heads + head) * kv_width..][..kv_width];
                let visible = past + t + 1;
                let key = |s: usize| [&row(s)[..SIZES.nope], &k_pe[s * SIZES.rope..][..SIZES.rope]].concat();
                let keys: Vec<Vec<f32>> = (0..visible).map(key).collect();
                let values: Vec<Vec<f32>> = (0..visible).map(|s| row(s)[SIZES.nope..].to_vec()).collect();
                let at = t * SIZES.heads + head;
                let slow = reference(&q[at * q_width..][..q_width], &keys, &values);
                close(&fast[at * SIZES.value..][..SIZES.value], &slow);
            }
        }
    }
}
