//! The shape of a model's KV cache, its type where a start names none, and its bytes in whole pages.
//! The record of a token is in `formats`.
use formats::kv_cache::{CacheDtype, CacheKind, CacheShape, PAGE_TOKENS};

use super::BudgetParams;
use crate::{Attention, ModelConfig};

/// Up to here a bf16 cache costs little; above, half the cache is worth more than its last bits.
const BF16_CONTEXT: usize = 8192;
/// The type of the cache when a start names none.
pub fn default_cache_dtype(context: usize) -> CacheDtype {
    if context <= BF16_CONTEXT { CacheDtype::Bf16 } else { CacheDtype::Fp8 }
}

/// Bytes of the KV cache.
pub fn cache_bytes(shape: CacheShape, params: &BudgetParams) -> u64 {
    let pages = (params.sequences * params.context.div_ceil(PAGE_TOKENS)) as u64;
    pages.saturating_mul(shape.page_bytes(params.cache) as u64)
}

/// The shape of the KV cache. Each MTP layer has a layer of its own.
pub fn cache_shape(config: &ModelConfig) -> CacheShape {
    let kind = match config.attention() {
        Attention::Latent(sizes) => {
            CacheKind::Latent { latent: sizes.kv_lora_rank, rope: sizes.qk_rope_head_dim }
        }
        Attention::Grouped(sizes) => {
            CacheKind::Gqa { kv_heads: sizes.num_key_value_heads, head_dim: sizes.head_dim }
        }
    };
    CacheShape { kind, layers: config.decoder().num_hidden_layers + config.num_nextn_predict_layers() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_counts_whole_pages_of_every_sequence() {
        let shape = CacheShape { kind: CacheKind::Latent { latent: 512, rope: 64 }, layers: 2 };
        let params = BudgetParams::on_card(16_385, 2);
        // 257 pages of 64 records of 656 bytes, twice.
        assert_eq!(cache_bytes(shape, &params), 2 * 257 * 64 * 656 * 2);
        assert_eq!(BudgetParams::on_card(8192, 1).cache, CacheDtype::Bf16);
    }
}
