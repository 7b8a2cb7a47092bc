//! What a model caches per token, and in which type. Knows no bytes: `layout` computes sizes.
//! The sizes come from an untrusted configuration, so any value may occur.

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
