//! Dispatch.
use candle_core::{Result, Tensor, bail};
use rayon::prelude::*;

use super::experts::Scratch;
use super::{Choices, ExpertWeights};
use crate::gemm::{STRIP, transposed};
use crate::slices::{tensor, with_slice};
use crate::{Cancellation, Prompts};

/// Tokens of one expert, of one kind.
struct Bucket<'a> {
    expert: &'a ExpertWeights,
    tiled: bool,
    tokens: Vec<usize>,
    weights: Vec<f32>,
    /// [tokens, inner]
    inner: Vec<f32>,
}

/// `x` [T, hidden] -> the weighted sum of each token's experts, [T, hidden].
///
/// # Errors
/// When `choices` is not of these tokens, or names an expert that is not there.
pub fn moe(
    x: &Tensor,
    choices: &Choices,
    experts: &[ExpertWeights],
    prompts: &Prompts,
    cancellation: &Cancellation,
) -> Result<Tensor> {
    let (tokens, hidden) = x.dims2()?;
    if choices.tokens() != tokens {
        bail!("choices of {} tokens meet {tokens}", choices.tokens());
    }
    if let Some(expert) = choices.experts.iter().find(|&&expert| expert as usize >= experts.len()) {
        bail!("expert {expert} is not among {}", experts.len());
    }
    if experts.iter().any(|expert| expert.hidden() != hidden) {
        bail!("an input {hidden} wide meets experts of another width");
    }
    if experts.first().is_some_and(|expert| !expert.gate.is_plain()) {
        return moe_in_tensors(x, choices, experts, cancellation);
    }
    with_slice(x, |x| {
        let mut buckets = by_expert(choices, experts, prompts);
        buckets.par_iter_mut().for_each(|bucket| {
            let rows: Vec<&[f32]> = bucket.tokens.iter().map(|t| &x[t * hidden..][..hidden]).collect();
            bucket.inner = bucket.expert.inner_of(&rows, bucket.tiled, cancellation);
        });
        let (tiled, few): (Vec<_>, Vec<_>) = buckets.into_iter().partition(|bucket| bucket.tiled);
        #[cfg_attr(not(target_arch = "x86_64"), allow(unused_mut, reason = "there are no tiles"))]
        let mut out = weighted_sum(&few, tokens, hidden, cancellation);
        #[cfg(target_arch = "x86_64")]
        on_tiles::add_weighted(&tiled, &mut out, hidden, cancellation);
        let _ = tiled;
        tensor(out, (tokens, hidden))
    })
}

fn by_expert<'a>(choices: &Choices, experts: &'a [ExpertWeights], prompts: &Prompts) -> Vec<Bucket<'a>> {
    let bucket = |expert, tiled| {
        let (tokens, weights, inner) = (Vec::new(), Vec::new(), Vec::new());
        Bucket { expert, tiled, tokens, weights, inner }
    };
    let mut buckets: Vec<Bucket> =
        experts.iter().flat_map(|expert| [bucket(expert, false), bucket(expert, true)]).collect();
    for t in 0..choices.tokens() {
        let tiled = usize::from(prompts.is_tiled(t));
        for (expert, weight) in choices.token(t) {
            let bucket = &mut buckets[2 * expert as usize + tiled];
            bucket.tokens.push(t);
            bucket.weights.push(weight);
        }
    }
    buckets.retain(|bucket| !bucket.tokens.is_empty());
    buckets
}

/// The down projections of all buckets, each task owning some numbers of every token.
fn weighted_sum(buckets: &[Bucket], tokens: usize, hidden: usize, cancellation: &Cancellation) -> Vec<f32> {
    let mut columns = vec![0.0; hidden * tokens]; // [hidden, T]
    if buckets.is_empty() || columns.is_empty() {
        return columns;
    }
    let fed: Vec<Vec<&[f32]>> =
        buckets.iter().map(|bucket| bucket.inner.chunks_exact(bucket.expert.inner()).collect()).collect();
    let fullest = buckets.iter().map(|bucket| bucket.tokens.len()).max().unwrap_or(0);
    let scratch = || Scratch { rows: Vec::new(), products: vec![0.0; STRIP * fullest] };
    columns.par_chunks_mut(STRIP * tokens).enumerate().with_min_len(4).for_each_init(
        scratch,
        |scratch, (index, out)| {
            let count = out.len() / tokens;
            for (bucket, fed) in buckets.iter().zip(&fed) {
                if cancellation.is_cancelled() {
                    return;
                }
                let (down, members) = (&bucket.expert.down, fed.len());
                let products = &mut scratch.products[..count * members];
                down.strip(index * STRIP, &mut scratch.rows, fed, products);
                for (products, out) in products.chunks_exact(members).zip(out.chunks_exact_mut(tokens)) {
                    for ((&t, weight), product) in bucket.tokens.iter().zip(&bucket.weights).zip(products) {
                        out[t] += weight * product;
                    }
                }
            }
        },
    );
    if tokens == 1 { columns } else { transposed(&columns, tokens) }
}

#[cfg(target_arch = "x86_64")]
mod on_tiles {
    use rayon::prelude::*;

    use super::Bucket;
    use crate::Cancellation;
    use crate::gemm::amx::SQUARE;
    use crate::gemm::amx::gemm::{Keep, Rows, product_of_strip, strips};
    use crate::gemm::amx::output::Places;

    /// Adds to `out` [tokens, hidden] what the experts give, each task to some columns of every token.
    pub fn add_weighted(buckets: &[Bucket], out: &mut [f32], hidden: usize, cancellation: &Cancellation) {
        let Some(first) = buckets.first() else { return };
        let fed: Vec<Rows> = buckets
            .iter()
            .map(|bucket| {
                let width = bucket.expert.inner();
                Rows::pack(&bucket.inner.chunks_exact(width).collect::<Vec<_>>(), width, Keep::All)
            })
            .collect();
        let places = Places::new(out, hidden);
        let strips = strips(&first.expert.down, Keep::All).into_par_iter().with_max_len(1);
        strips.for_each(|strip| {
            for (bucket, rows) in buckets.iter().zip(&fed) {
                let down = &bucket.expert.down;
                product_of_strip(down, strip.clone(), rows, cancellation, |rows, columns, square| {
                    let members = bucket.tokens[rows.clone()].iter().zip(&bucket.weights[rows]);
                    for ((&token, weight), line) in members.zip(square.chunks_exact(SQUARE)) {
                        // SAFETY: the strip's columns are this task's alone.
                        let sums = unsafe { places.line(token, columns.clone()) };
                        sums.iter_mut().zip(line).for_each(|(sum, value)| *sum += weight * value);
                    }
                });
            }
        });
    }
}

/// The form that any device has: gather by expert, compute, add back.
fn moe_in_tensors(
    x: &Tensor,
    choices: &Choices,
    experts: &[ExpertWeights],
    cancellation: &Cancellation,
) -> Result<Tensor> {
    let mut out = x.zeros_like()?;
    for bucket in by_expert(choices, experts, &Prompts::none()) {
        if cancellation.is_cancelled() {
            break;
        }
        let ids: Vec<u32> = bucket.tokens.iter().map(|&t| t as u32).collect();
        let count = ids.len();
        let ids = Tensor::new(ids, x.device())?;
        let weights = Tensor::from_vec(bucket.weights, (count, 1), x.device())?;
        let fed = bucket.expert.forward_in_tensors(&x.index_select(&ids, 0)?)?;
        out = out.index_add(&ids, &fed.broadcast_mul(&weights)?, 0)?;
    }
    Ok(out)
}

/// The judge of `moe`: one token and one expert after the other, summed in f64.
pub fn moe_reference(x: &[f32], choices: &Choices, experts: &[ExpertWeights]) -> Vec<f32> {
    let hidden = x.len() / choices.tokens();
    let mut out = Vec::new();
    for (t, x) in x.chunks_exact(hidden).enumerate() {
        let mut sum = vec![0.0f64; hidden];
        for (expert, weight) in choices.token(t) {
            let expert = &experts[expert as usize];
            let (gate, up) = (expert.gate.matmul_reference(x), expert.up.matmul_reference(x));
            let silu = |g: f32| f64::from(g) / (1.0 + (-f64::from(g)).exp());
            let inner: Vec<f32> =
                gate.iter().zip(&up).map(|(g, u)| (silu(*g) * f64::from(*u)) as f32).collect();
            let fed = expert.down.matmul_reference(&inner);
            sum.iter_mut().zip(fed).for_each(|(s, v)| *s += f64::from(weight) * f64::from(v));
        }
        out.extend(sum.into_iter().map(|s| s as f32));
    }
    out
}
