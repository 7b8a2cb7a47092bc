//! Causal attention of new tokens of one sequence over its pages, which already hold those tokens, and
//! attention without a mask for vision towers. Results are batch-invariant.
//! Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434) has two forms, equal in exact arithmetic:
//! *absorbed* (the up-projection is multiplied into the query, all heads read one latent: little traffic) and
//! *expanded* (keys and values of a range are computed for many queries: fewer multiplications). Both process
//! keys in tiles with an online softmax, so no form holds a whole cache in f32.
mod accumulator;
mod bidirectional;
mod gqa;
mod mla;
mod online_softmax;
#[cfg(target_arch = "x86_64")]
mod prefill_tiled;
#[cfg(test)]
mod reference;

use candle_core::{Result, Tensor, bail};

use crate::cache::{CacheDtype, CacheKind, KvPages, PAGE_TOKENS};
use crate::{Cancellation, Weight, slices};

pub use bidirectional::{bidirectional, bidirectional_reference};

/// Sizes of multi-head latent attention; the comments are the names in the configuration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MlaSizes {
    pub heads: usize,
    /// kv_lora_rank
    pub latent: usize,
    /// qk_nope_head_dim
    pub nope: usize,
    /// qk_rope_head_dim
    pub rope: usize,
    /// v_head_dim
    pub value: usize,
    /// Softmax scale: the factor of the scores.
    pub scale: f32,
}

/// Sizes of grouped-query attention.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GqaSizes {
    pub heads: usize,
    pub kv_heads: usize,
    pub head_dim: usize,
    /// Softmax scale: the factor of the scores.
    pub scale: f32,
}

/// The cache of a sequence in one layer: its pages, and the number of tokens before the new ones.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub kv: &'a KvPages,
    pub pages: &'a [u32],
    pub layer: usize,
    pub past: usize,
    /// Whether the new tokens are a prefill: see [`crate::PrefillRows`].
    pub prefill: bool,
    pub cancellation: &'a Cancellation<'a>,
}

impl Context<'_> {
    fn check(&self, tokens: usize) -> Result<()> {
        self.kv.check(self.pages, self.layer, self.past + tokens)
    }

    fn uses_amx(&self) -> bool {
        #[cfg(target_arch = "x86_64")]
        return self.prefill && crate::gemm::amx::available();
        #[cfg(not(target_arch = "x86_64"))]
        false
    }

    /// Whether bf16 represents the cached values exactly; the scales of FP8 are powers of two.
    fn has_bf16(&self) -> bool {
        self.kv.layout().dtype != CacheDtype::F32
    }

    /// Decodes `width` values, from `at` on, of each of `tokens` records from position `first` on, all in one
    /// page.
    fn decode_rows(&self, first: usize, tokens: usize, at: usize, width: usize, out: &mut [f32]) {
        let layout = self.kv.layout();
        let page = self.pages[first / PAGE_TOKENS];
        let records =
            self.kv.records(page, self.layer).expect("callers check that the cache is in host memory");
        let records = records.chunks_exact(layout.bytes()).skip(first % PAGE_TOKENS).take(tokens);
        for (record, row) in records.zip(out.chunks_exact_mut(width)) {
            layout.decode(record, at, row);
        }
    }
}

/// Multi-head latent attention: `q` [T, heads, nope + rope] with its rope part rotated, `kv_b` (kv_b_proj)
/// [heads * (nope + value), latent] -> [T, heads * value].
///
/// # Errors
/// When the shapes do not match, or the pages do not hold `past + T` tokens.
pub fn mla(sizes: &MlaSizes, kv_b: &Weight, q: &Tensor, context: &Context) -> Result<Tensor> {
    let (tokens, heads, width) = q.dims3()?;
    let kind = CacheKind::Latent { latent: sizes.latent, rope: sizes.rope };
    let up = (sizes.heads * (sizes.nope + sizes.value), sizes.latent);
    if heads != sizes.heads || width != sizes.nope + sizes.rope || context.kv.shape().kind != kind {
        bail!("shape mismatch: queries {:?}, cache of {:?}, {sizes:?}", q.dims(), context.kv.shape().kind);
    }
    if (kv_b.rows(), kv_b.cols()) != up {
        bail!("shape mismatch: kv_b [{}, {}], {sizes:?}", kv_b.rows(), kv_b.cols());
    }
    if tokens == 0 {
        bail!("attention needs at least one query");
    }
    context.check(tokens)?;
    if !context.kv.is_host() {
        bail!("the cache is on a card");
    }
    let out = slices::with_slice(q, |q| {
        let absorb = mla::prefers_absorbed(sizes, tokens, context.past, context.uses_amx());
        let form = if absorb { mla::absorbed } else { mla::expanded };
        Ok(form(sizes, kv_b, q, context))
    })?;
    slices::tensor(out, (tokens, sizes.heads * sizes.value))
}

/// Grouped-query attention: `q` [T, heads, head_dim], rotated -> [T, heads * head_dim].
///
/// # Errors
/// When the shapes do not match, or the pages do not hold `past + T` tokens.
pub fn gqa(sizes: &GqaSizes, q: &Tensor, context: &Context) -> Result<Tensor> {
    let (tokens, heads, width) = q.dims3()?;
    let kind = CacheKind::Gqa { kv_heads: sizes.kv_heads, head_dim: sizes.head_dim };
    if heads != sizes.heads || width != sizes.head_dim || context.kv.shape().kind != kind {
        bail!("shape mismatch: queries {:?}, cache of {:?}, {sizes:?}", q.dims(), context.kv.shape().kind);
    }
    if !heads.is_multiple_of(sizes.kv_heads) {
        bail!("{heads} query heads are not a multiple of {} key heads", sizes.kv_heads);
    }
    if tokens == 0 {
        bail!("attention needs at least one query");
    }
    context.check(tokens)?;
    if !context.kv.is_host() {
        bail!("the cache is on a card");
    }
    let out = slices::with_slice(q, |q| Ok(gqa::attend(sizes, q, context)))?;
    slices::tensor(out, (tokens, heads * width))
}

#[cfg(test)]
mod tests;
