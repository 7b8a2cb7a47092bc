//! Causal attention of a run of new tokens over the pages of one sequence, which hold those tokens already.
//!
//! Latent attention has two forms, equal in exact arithmetic: *absorbed* (the query carries the up-projection and every
//! head reads the same latent; few tokens, little memory traffic) and *expanded* (keys and values of a stretch of the
//! cache are made for many queries; fewer multiplications). Keys are always taken a tile at a time with running sums,
//! so no form ever holds a whole cache in f32. The results of one token do not depend on what else is computed.
mod bidirectional;
mod device;
mod gqa;
mod mla;
mod online_softmax;
#[cfg(target_arch = "x86_64")]
mod prefill_tiled;
#[cfg(test)]
mod reference;

use candle_core::{Result, Tensor, bail};

use crate::cache::{CacheDtype, CacheKind, KvPages};
use crate::{Cancellation, Weight, slices};

pub use bidirectional::{whole, whole_reference};

/// Sizes of latent attention.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LatentSizes {
    pub heads: usize,
    /// kv_lora_rank
    pub latent: usize,
    /// qk_nope_head_dim
    pub nope: usize,
    /// qk_rope_head_dim
    pub rope: usize,
    /// v_head_dim
    pub value: usize,
    /// What scores are multiplied with before the softmax.
    pub scale: f32,
}

/// Sizes of attention with grouped key heads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GqaSizes {
    pub heads: usize,
    pub kv_heads: usize,
    pub head_dim: usize,
    /// What scores are multiplied with before the softmax.
    pub scale: f32,
}

/// Where the keys of a call lie: the sequence's pages, and how many tokens came before the new ones.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub kv: &'a KvPages,
    pub pages: &'a [u32],
    pub layer: usize,
    pub past: usize,
    /// Whether the new tokens are read as a prompt: see [`crate::Prompts`].
    pub prompt: bool,
    pub cancellation: &'a Cancellation<'a>,
}

impl Context<'_> {
    fn check(&self, tokens: usize) -> Result<()> {
        self.kv.check(self.pages, self.layer, self.past + tokens)
    }

    fn is_tiled(&self) -> bool {
        self.prompt && crate::batch_rows::has_tiles()
    }

    /// Whether bf16 holds what is cached; scales of FP8 are powers of two.
    fn has_bf16(&self) -> bool {
        self.kv.layout().dtype != CacheDtype::F32
    }
}

/// Latent attention: `q` [T, heads, nope + rope] with its rope part rotated, `kv_b` [heads * (nope + value), latent] as
/// published -> [T, heads * value].
///
/// # Errors
/// When the sizes do not fit one another, or the pages do not hold `past + T` tokens.
pub fn latent(sizes: &LatentSizes, kv_b: &Weight, q: &Tensor, context: &Context) -> Result<Tensor> {
    let (tokens, heads, width) = q.dims3()?;
    let kind = CacheKind::Latent { latent: sizes.latent, rope: sizes.rope };
    let up = (sizes.heads * (sizes.nope + sizes.value), sizes.latent);
    if heads != sizes.heads || width != sizes.nope + sizes.rope || context.kv.shape().kind != kind {
        bail!("queries {:?} and a cache of {:?} meet {sizes:?}", q.dims(), context.kv.shape().kind);
    }
    if (kv_b.rows(), kv_b.cols()) != up {
        bail!("an up-projection of {} x {} meets {sizes:?}", kv_b.rows(), kv_b.cols());
    }
    if tokens == 0 {
        bail!("attention needs at least one query");
    }
    context.check(tokens)?;
    if !context.kv.is_in_memory() {
        return device::latent(sizes, kv_b, q, context);
    }
    let out = slices::with_slice(q, |q| {
        let absorb = mla::prefers_absorbed(sizes, tokens, context.past, context.is_tiled());
        let form = if absorb { mla::absorbed } else { mla::expanded };
        Ok(form(sizes, kv_b, q, context))
    })?;
    slices::tensor(out, (tokens, sizes.heads * sizes.value))
}

/// Attention with grouped key heads: `q` [T, heads, head_dim], rotated -> [T, heads * head_dim].
///
/// # Errors
/// When the sizes do not fit one another, or the pages do not hold `past + T` tokens.
pub fn gqa(sizes: &GqaSizes, q: &Tensor, context: &Context) -> Result<Tensor> {
    let (tokens, heads, width) = q.dims3()?;
    let kind = CacheKind::Gqa { kv_heads: sizes.kv_heads, head_dim: sizes.head_dim };
    if heads != sizes.heads || width != sizes.head_dim || context.kv.shape().kind != kind {
        bail!("queries {:?} and a cache of {:?} meet {sizes:?}", q.dims(), context.kv.shape().kind);
    }
    if !heads.is_multiple_of(sizes.kv_heads) {
        bail!("{heads} heads do not share {} key heads evenly", sizes.kv_heads);
    }
    if tokens == 0 {
        bail!("attention needs at least one query");
    }
    context.check(tokens)?;
    if !context.kv.is_in_memory() {
        return device::gqa(sizes, q, context);
    }
    let out = slices::with_slice(q, |q| Ok(gqa::attend(sizes, q, context)))?;
    slices::tensor(out, (tokens, heads * width))
}

#[cfg(test)]
mod tests;
