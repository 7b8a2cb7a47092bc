//! The operations of a lane on the processor, composed of the fused operations of this crate.
//! Each computes at once and returns values.
use candle_core::{Device, Result, Tensor};

use super::{Moe, Sequence, operation};
use crate::attention::{Context, GqaSizes, MlaSizes, gqa, mla};
use crate::cache::KvPages;
use crate::elementwise::add;
use crate::moe::{TopK, moe as routed_moe};
use crate::rms_norm::RmsNorm;
use crate::rope::RotaryTable;
use crate::{Cancellation, Linear, PrefillRows, Weight};

/// What attention needs besides its input.
pub struct Batch<'a> {
    pub sequences: &'a [Sequence<'a>],
    pub rotary: &'a RotaryTable,
    pub cancellation: &'a Cancellation<'a>,
}

impl<'a> Batch<'a> {
    /// Each sequence with its first row.
    fn sequences_with_rows(&self) -> impl Iterator<Item = (&'a Sequence<'a>, usize)> {
        self.sequences.iter().scan(0, |next, sequence| {
            let first = *next;
            *next += sequence.tokens.len();
            Some((sequence, first))
        })
    }

    fn context<'b>(&'b self, sequence: &'b Sequence, kv: &'b KvPages, layer: usize) -> Context<'b> {
        let Sequence { pages, past, prefill, .. } = *sequence;
        Context { kv, pages, layer, past, prefill, cancellation: self.cancellation }
    }
}

pub fn embed(weight: &Weight, sequences: &[Sequence], replaced: &[(usize, &[f32])]) -> Result<Tensor> {
    let tokens: Vec<u32> = sequences.iter().flat_map(|s| s.tokens).copied().collect();
    let x = weight.index_select(&tokens)?;
    if replaced.is_empty() {
        return Ok(x);
    }
    let width = weight.cols();
    let mut values: Vec<f32> = x.flatten_all()?.to_vec1()?;
    for (row, own) in replaced {
        values[row * width..][..own.len()].copy_from_slice(own);
    }
    crate::slices::tensor(values, (tokens.len(), width))
}

pub fn grouped_attention(
    [q, k, v]: [&Tensor; 3],
    norms: Option<&(RmsNorm, RmsNorm)>,
    sizes: &GqaSizes,
    layer: usize,
    batch: &Batch,
    kv: &mut KvPages,
) -> Result<Tensor> {
    let (rows, GqaSizes { heads, kv_heads, head_dim, .. }) = (q.dim(0)?, *sizes);
    let mut q = q.reshape((rows, heads, head_dim))?;
    let mut k = k.reshape((rows, kv_heads, head_dim))?;
    let v = v.reshape((rows, kv_heads, head_dim))?;
    if let Some((q_norm, k_norm)) = norms {
        let normed = operation!("norm", (q_norm.forward(&q), k_norm.forward(&k)));
        (q, k) = (normed.0?, normed.1?);
    }
    let (q, k) = operation!("rope", (batch.rotary.apply(&q), batch.rotary.apply(&k)));
    let (q, k) = (q?, k?);
    let mut attended = Vec::new();
    for (sequence, first) in batch.sequences_with_rows() {
        let own = |tensor: &Tensor| tensor.narrow(0, first, sequence.tokens.len());
        let (k, v, q) = (own(&k)?, own(&v)?, own(&q)?);
        operation!("cache write", kv.write_gqa(sequence.pages, layer, sequence.past, &k, &v))?;
        attended.push(operation!("attention", gqa(sizes, &q, &batch.context(sequence, kv, layer)))?);
    }
    Tensor::cat(&attended, 0)
}

pub fn latent_attention(
    [q, kv_a]: [&Tensor; 2],
    norm: &RmsNorm,
    kv_b: &Weight,
    sizes: &MlaSizes,
    layer: usize,
    batch: &Batch,
    kv: &mut KvPages,
) -> Result<Tensor> {
    let (rows, MlaSizes { heads, latent, nope, rope, .. }) = (q.dim(0)?, *sizes);
    let (c, k_pe) = (kv_a.narrow(1, 0, latent)?.contiguous()?, kv_a.narrow(1, latent, rope)?.contiguous()?);
    let q = q.reshape((rows, heads, nope + rope))?;
    let c = operation!("norm", norm.forward(&c))?;
    let (k_pe, q) = operation!("rope", (batch.rotary.apply(&k_pe), batch.rotary.apply(&q)));
    let (latents, q) = (Tensor::cat(&[c, k_pe?], 1)?, q?);
    let mut attended = Vec::new();
    for (sequence, first) in batch.sequences_with_rows() {
        let own = |tensor: &Tensor| tensor.narrow(0, first, sequence.tokens.len());
        let (latents, q) = (own(&latents)?, own(&q)?);
        operation!("cache write", kv.write_latent(sequence.pages, layer, sequence.past, &latents))?;
        attended.push(operation!("attention", mla(sizes, kv_b, &q, &batch.context(sequence, kv, layer)))?);
    }
    Tensor::cat(&attended, 0)
}

/// Routed and shared experts of `x` [T, hidden], with the choice of experts.
pub fn moe(
    x: &Tensor,
    moe: &Moe,
    prefill: &PrefillRows,
    cancellation: &Cancellation,
) -> Result<(Tensor, TopK)> {
    // Not with AMX tiles: their rounding could change which experts are chosen.
    let scores = operation!("router", moe.gate.forward(x, &PrefillRows::none()))?;
    let bias = moe.bias.map(|bias| bias.host.to_vec1::<f32>()).transpose()?;
    let top_k = operation!("router", moe.router.route(&scores, bias.as_deref()))?;
    moe.experts.will_need(&top_k);
    let routed = operation!("experts", routed_moe(x, &top_k, moe.experts.mlps(), prefill, cancellation))?;
    let y = match moe.shared {
        Some(shared) => {
            let shared = operation!("shared expert", shared.forward(x, prefill, cancellation))?;
            operation!("residual", add(&routed, &shared))?
        }
        None => routed,
    };
    Ok((y, top_k))
}

pub fn head(
    x: &Tensor,
    norm: &RmsNorm,
    lm_head: &Linear,
    [rows, logit_rows]: [&[u32]; 2],
) -> Result<(Vec<f32>, Vec<f32>)> {
    let select = |x: &Tensor, ids: &[u32]| x.index_select(&Tensor::new(ids, &Device::Cpu)?, 0);
    let hidden = norm.forward(&select(x, rows)?)?;
    let logits = lm_head.forward(&select(&hidden, logit_rows)?, &PrefillRows::none())?;
    Ok((hidden.flatten_all()?.to_vec1()?, logits.flatten_all()?.to_vec1()?))
}
