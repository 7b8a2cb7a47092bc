//! What a model caches per token, in which type, and its size in bytes. The sizes come from an untrusted
//! configuration, so the arithmetic saturates.
use super::{PAGE_TOKENS, RecordLayout};

/// What is cached per token and layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheKind {
    /// `[c | k_pe]`: the normalised latent (kv_lora_rank) and the rotated key (qk_rope_head_dim), shared by
    /// all heads.
    Latent { latent: usize, rope: usize },
    /// A rotated key and a value for each of `kv_heads`.
    Gqa { kv_heads: usize, head_dim: usize },
}

/// What is cached per token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheShape {
    pub kind: CacheKind,
    pub layers: usize,
}

/// The type of cached values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CacheDtype {
    F32,
    Bf16,
    /// e4m3 with a scale per 128 values of a latent, or per token and head; k_pe stays bf16.
    Fp8,
}

impl CacheShape {
    /// Bytes of one token in one layer; `usize::MAX` on overflow.
    pub fn record_bytes(self, dtype: CacheDtype) -> usize {
        let count = match self.kind {
            CacheKind::Latent { latent, rope } => latent.saturating_add(rope),
            CacheKind::Gqa { kv_heads, head_dim } => kv_heads.saturating_mul(head_dim).saturating_mul(2),
        };
        match count {
            0 => 0,
            // A value takes at most eight bytes, scale included.
            count if count <= usize::MAX / 8 => RecordLayout::new(self.kind, dtype).bytes(),
            _ => usize::MAX,
        }
    }

    /// Bytes of one page, all layers; `usize::MAX` on overflow.
    pub fn page_bytes(self, dtype: CacheDtype) -> usize {
        self.record_bytes(dtype).saturating_mul(PAGE_TOKENS).saturating_mul(self.layers)
    }
}
