//! Mixture of experts: groups tokens by expert, runs the experts and adds their weighted outputs.
//! Knows no routing rule: the experts of each token are given.
use candle_core::{Result, Tensor, bail};

use super::gate_up::GateUp;
use super::{Mlp, TopK};
use crate::gemm::{Input, OutputTiles, PackedRows, PrefillForm, ROW_BLOCK, blocks_of_task};
use crate::slices::{tensor, with_slice};
use crate::{Cancellation, PrefillRows, pool};

/// The tokens of one expert that are of a prefill, or those that are not.
struct ExpertBatch<'a> {
    expert: &'a Mlp,
    prefill: bool,
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
        let mut products = pool::map(batches.len(), |at| {
            let batch = &batches[at];
            let rows: Vec<&[f32]> = batch.tokens.iter().map(|t| &x[t * hidden..][..hidden]).collect();
            GateUp::new(batch.expert, &rows, batch.prefill)
        });
        GateUp::run(&mut products, cancellation);
        for (batch, products) in batches.iter_mut().zip(products) {
            batch.inner = products.inner;
        }
        let (tiled, gemv): (Vec<_>, Vec<_>) = batches
            .into_iter()
            .partition(|batch| batch.prefill && batch.expert.down.prefill_form() != PrefillForm::Gemv);
        let mut out = vec![0.0; tokens * hidden];
        down_and_combine(&gemv, &mut out, hidden, cancellation);
        down_and_combine_tiled(&tiled, &mut out, hidden, cancellation);
        tensor(out, (tokens, hidden))
    })
}

fn group_by_expert<'a>(top_k: &TopK, experts: &'a [Mlp], prefill: &PrefillRows) -> Vec<ExpertBatch<'a>> {
    let batch = |expert, prefill| {
        let (tokens, weights, inner) = (Vec::new(), Vec::new(), Vec::new());
        ExpertBatch { expert, prefill, tokens, weights, inner }
    };
    let mut batches: Vec<ExpertBatch> =
        experts.iter().flat_map(|expert| [batch(expert, false), batch(expert, true)]).collect();
    for t in 0..top_k.tokens() {
        let kind = usize::from(prefill.contains(t));
        for (expert, weight) in top_k.token(t) {
            let batch = &mut batches[2 * expert as usize + kind];
            batch.tokens.push(t);
            batch.weights.push(weight);
        }
    }
    batches.retain(|batch| !batch.tokens.is_empty());
    batches
}

/// Adds the weighted down projections to `out` [tokens, hidden] by `gemv`. Each task computes some columns of
/// every token, all experts in order.
fn down_and_combine(batches: &[ExpertBatch], out: &mut [f32], hidden: usize, cancellation: &Cancellation) {
    if batches.is_empty() {
        return;
    }
    let inputs: Vec<Input> = batches
        .iter()
        .map(|batch| {
            let inner = batch.inner.chunks_exact(batch.expert.intermediate_size());
            batch.expert.down.input(inner.collect())
        })
        .collect();
    let max_tokens = batches.iter().map(|batch| batch.tokens.len()).max().unwrap_or(0);
    let out = OutputTiles::new(out, hidden);
    let tasks: Vec<_> = pool::ranges(hidden.div_ceil(ROW_BLOCK), blocks_of_task(hidden)).collect();
    pool::for_each(tasks.len(), |task| {
        let (mut scratch, mut products) = (Vec::new(), vec![0.0; ROW_BLOCK * max_tokens]);
        for block in tasks[task].clone() {
            let columns = ROW_BLOCK * block..hidden.min(ROW_BLOCK * (block + 1));
            for (batch, inputs) in batches.iter().zip(&inputs) {
                if cancellation.is_cancelled() {
                    return;
                }
                let n = inputs.len();
                let products = &mut products[..columns.len() * n];
                batch.expert.down.gemv_row_block(columns.start, &mut scratch, inputs, products);
                for (at, (&token, weight)) in batch.tokens.iter().zip(&batch.weights).enumerate() {
                    // SAFETY: tasks have other columns.
                    let sums = unsafe { out.row_mut(token, columns.clone()) };
                    let products = products[at..].iter().step_by(n);
                    sums.iter_mut().zip(products).for_each(|(sum, product)| *sum += weight * product);
                }
            }
        }
    });
}

/// Adds the weighted down projections to `out` [tokens, hidden]. Each task computes some columns of every
/// token, all experts in order.
fn down_and_combine_tiled(
    batches: &[ExpertBatch],
    out: &mut [f32],
    hidden: usize,
    cancellation: &Cancellation,
) {
    let inputs: Vec<PackedRows> = pool::map(batches.len(), |at| {
        let batch = &batches[at];
        let rows: Vec<&[f32]> = batch.inner.chunks_exact(batch.expert.intermediate_size()).collect();
        PackedRows::pack(batch.expert.down.prefill_form(), &rows).expect("a form that packs")
    });
    let out = OutputTiles::new(out, hidden);
    // Experts of one layer that are stored in formats of different forms have different tasks.
    let pairs: Vec<_> = batches.iter().zip(&inputs).collect();
    for pairs in pairs.chunk_by(|(_, a), (_, b)| std::mem::discriminant(*a) == std::mem::discriminant(*b)) {
        let (first, input) = pairs[0];
        let tasks = input.tasks(&first.expert.down);
        pool::for_each(tasks.len(), |at| {
            for (batch, input) in pairs {
                input.gemm_task(&batch.expert.down, tasks[at].clone(), cancellation, |tile| {
                    let tokens = &batch.tokens[tile.rows.clone()];
                    let weights = &batch.weights[tile.rows.clone()];
                    for ((&token, weight), (_, values)) in tokens.iter().zip(weights).zip(tile.rows()) {
                        // SAFETY: only this task writes the columns of the tile.
                        let sums = unsafe { out.row_mut(token, tile.columns.clone()) };
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
