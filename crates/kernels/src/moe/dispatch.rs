//! Mixture of experts: groups tokens by expert, runs the experts and adds their weighted outputs.
//! Knows no routing rule: the experts of each token are given.
use candle_core::{Result, Tensor, bail};
use rayon::prelude::*;

use super::experts::Scratch;
use super::{Mlp, TopK};
use crate::gemm::{Input, ROW_BLOCK, transpose};
use crate::slices::{tensor, with_slice};
use crate::{Cancellation, PrefillRows};

/// The tokens of one expert that are computed with or without AMX.
struct ExpertBatch<'a> {
    expert: &'a Mlp,
    uses_amx: bool,
    tokens: Vec<usize>,
    weights: Vec<f32>,
    /// `silu(gate x) * up x` [tokens, intermediate].
    inner: Vec<f32>,
}

/// `x` [T, hidden] -> the weighted sum of each token's experts, [T, hidden].
///
/// # Errors
/// When `top_k` is for another number of tokens, or an expert is out of range or on a card.
pub fn moe(
    x: &Tensor,
    top_k: &TopK,
    experts: &[Mlp],
    prefill: &PrefillRows,
    cancellation: &Cancellation,
) -> Result<Tensor> {
    let (tokens, hidden) = x.dims2()?;
    if top_k.tokens() != tokens {
        bail!("shape mismatch: top-k of {} tokens, input of {tokens}", top_k.tokens());
    }
    if let Some(expert) = top_k.experts.iter().find(|&&expert| expert as usize >= experts.len()) {
        bail!("expert {expert} is out of range: there are {}", experts.len());
    }
    if experts.iter().any(|expert| expert.hidden_size() != hidden) {
        bail!("shape mismatch: input [{tokens}, {hidden}], experts of another hidden size");
    }
    if experts.first().is_some_and(|expert| !expert.gate.is_host()) {
        bail!("the experts are on a card");
    }
    with_slice(x, |x| {
        let mut batches = group_by_expert(top_k, experts, prefill);
        batches.par_iter_mut().for_each(|batch| {
            let rows: Vec<&[f32]> = batch.tokens.iter().map(|t| &x[t * hidden..][..hidden]).collect();
            batch.inner = batch.expert.gate_up(&rows, batch.uses_amx, cancellation);
        });
        let (amx_batches, gemv_batches): (Vec<_>, Vec<_>) =
            batches.into_iter().partition(|batch| batch.uses_amx);
        #[cfg_attr(not(target_arch = "x86_64"), allow(unused_mut, reason = "only AMX adds to it"))]
        let mut out = down_and_combine(&gemv_batches, tokens, hidden, cancellation);
        #[cfg(target_arch = "x86_64")]
        amx::down_and_combine(&amx_batches, &mut out, hidden, cancellation);
        let _ = amx_batches;
        tensor(out, (tokens, hidden))
    })
}

fn group_by_expert<'a>(top_k: &TopK, experts: &'a [Mlp], prefill: &PrefillRows) -> Vec<ExpertBatch<'a>> {
    let batch = |expert, uses_amx| {
        let (tokens, weights, inner) = (Vec::new(), Vec::new(), Vec::new());
        ExpertBatch { expert, uses_amx, tokens, weights, inner }
    };
    let mut batches: Vec<ExpertBatch> =
        experts.iter().flat_map(|expert| [batch(expert, false), batch(expert, true)]).collect();
    for t in 0..top_k.tokens() {
        let kind = usize::from(prefill.uses_amx(t));
        for (expert, weight) in top_k.token(t) {
            let batch = &mut batches[2 * expert as usize + kind];
            batch.tokens.push(t);
            batch.weights.push(weight);
        }
    }
    batches.retain(|batch| !batch.tokens.is_empty());
    batches
}

/// The weighted down projections of all batches, [T, hidden]. Each task computes some output elements of
/// every token.
fn down_and_combine(
    batches: &[ExpertBatch],
    tokens: usize,
    hidden: usize,
    cancellation: &Cancellation,
) -> Vec<f32> {
    let mut columns = vec![0.0; hidden * tokens]; // [hidden, T]
    if batches.is_empty() || columns.is_empty() {
        return columns;
    }
    let inputs: Vec<Input> = batches
        .iter()
        .map(|batch| {
            let inner = batch.inner.chunks_exact(batch.expert.intermediate_size());
            batch.expert.down.input(inner.collect())
        })
        .collect();
    let max_tokens = batches.iter().map(|batch| batch.tokens.len()).max().unwrap_or(0);
    let scratch = || Scratch { rows: Vec::new(), products: vec![0.0; ROW_BLOCK * max_tokens] };
    columns.par_chunks_mut(ROW_BLOCK * tokens).enumerate().with_min_len(4).for_each_init(
        scratch,
        |scratch, (index, out)| {
            let count = out.len() / tokens;
            for (batch, inputs) in batches.iter().zip(&inputs) {
                if cancellation.is_cancelled() {
                    return;
                }
                let (down, tokens_of_batch) = (&batch.expert.down, inputs.len());
                let products = &mut scratch.products[..count * tokens_of_batch];
                down.gemv_row_block(index * ROW_BLOCK, &mut scratch.rows, inputs, products);
                for (products, out) in
                    products.chunks_exact(tokens_of_batch).zip(out.chunks_exact_mut(tokens))
                {
                    for ((&t, weight), product) in batch.tokens.iter().zip(&batch.weights).zip(products) {
                        out[t] += weight * product;
                    }
                }
            }
        },
    );
    if tokens == 1 { columns } else { transpose(&columns, tokens) }
}

#[cfg(target_arch = "x86_64")]
mod amx {
    use rayon::prelude::*;

    use super::ExpertBatch;
    use crate::Cancellation;
    use crate::gemm::amx::NR;
    use crate::gemm::amx::gemm::{PackedA, Split, gemm_panel, panels};
    use crate::gemm::amx::output::OutputTiles;

    /// Adds the weighted down projections to `out` [tokens, hidden]. Each task computes some columns of every
    /// token.
    pub fn down_and_combine(
        batches: &[ExpertBatch],
        out: &mut [f32],
        hidden: usize,
        cancellation: &Cancellation,
    ) {
        let Some(first) = batches.first() else { return };
        let inputs: Vec<PackedA> = batches
            .iter()
            .map(|batch| {
                let width = batch.expert.intermediate_size();
                PackedA::pack(&batch.inner.chunks_exact(width).collect::<Vec<_>>(), width, Split::Bf16x3)
            })
            .collect();
        let out = OutputTiles::new(out, hidden);
        let panels = panels(&first.expert.down, Split::Bf16x3).into_par_iter().with_max_len(1);
        panels.for_each(|panel| {
            for (batch, a) in batches.iter().zip(&inputs) {
                let down = &batch.expert.down;
                gemm_panel(down, panel.clone(), a, cancellation, |rows, columns, tile| {
                    let tokens_of_batch = batch.tokens[rows.clone()].iter().zip(&batch.weights[rows]);
                    for ((&token, weight), values) in tokens_of_batch.zip(tile.chunks_exact(NR)) {
                        // SAFETY: only this task writes the columns of the panel.
                        let sums = unsafe { out.row_mut(token, columns.clone()) };
                        sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * value);
                    }
                });
            }
        });
    }
}

/// Reference of `moe`: one token and one expert at a time, summed in f64.
pub fn moe_reference(x: &[f32], top_k: &TopK, experts: &[Mlp]) -> Vec<f32> {
    let hidden = x.len() / top_k.tokens();
    let mut out = Vec::new();
    for (t, x) in x.chunks_exact(hidden).enumerate() {
        let mut sum = vec![0.0f64; hidden];
        for (expert, weight) in top_k.token(t) {
            let expert = &experts[expert as usize];
            let (gate, up) = (expert.gate.matmul_reference(x), expert.up.matmul_reference(x));
            let silu = |g: f32| f64::from(g) / (1.0 + (-f64::from(g)).exp());
            let inner: Vec<f32> =
                gate.iter().zip(&up).map(|(g, u)| (silu(*g) * f64::from(*u)) as f32).collect();
            let y = expert.down.matmul_reference(&inner);
            sum.iter_mut().zip(y).for_each(|(s, v)| *s += f64::from(weight) * f64::from(v));
        }
        out.extend(sum.into_iter().map(|s| s as f32));
    }
    out
}
