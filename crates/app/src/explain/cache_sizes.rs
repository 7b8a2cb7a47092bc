//! The KV cache of one token by model: with latent attention, and as every head's keys and values.
//! From the catalogue: no model needs to be loaded.
use catalog::{Catalog, KvCache, KvDtype, ModelFacts};
use contract::CacheSize;

/// One of 671 billion parameters, a small mixture and a distill.
const SHOWN: [&str; 3] = ["deepseek-v3.1", "deepseek-v2-lite-chat", "deepseek-r1-distill-qwen-7b"];
/// Of a key without rotation, its rotated part and a value, in every published model with latent attention.
const HEAD_WIDTHS: u64 = 128 + 64 + 128;
const BF16_BYTES: u64 = 2;

pub(super) fn cache_sizes() -> Vec<CacheSize> {
    SHOWN.iter().filter_map(|id| Catalog::builtin().model(id)).map(cache_size).collect()
}

fn cache_size(model: &ModelFacts) -> CacheSize {
    let bf16 = model.cache.bytes_per_token(KvDtype::Bf16);
    let heads = u64::from(model.shape.as_ref().map_or(0, |shape| shape.heads));
    let (latent, all_heads) = match model.cache {
        KvCache::Mla { layers, .. } => (true, layers * heads * HEAD_WIDTHS * BF16_BYTES),
        KvCache::Gqa { .. } | KvCache::Sparse { .. } => (false, bf16),
    };
    CacheSize {
        model_id: model.id.clone(),
        name: model.name.clone(),
        latent,
        all_heads: all_heads as f64,
        bf16: bf16 as f64,
        fp8: model.cache.bytes_per_token(KvDtype::Fp8) as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// DeepSeek-V3, section 4.2 of its report: 512 + 64 values a layer, 61 layers, 128 heads.
    #[test]
    fn latent_attention_keeps_a_57th_of_all_heads() {
        let sizes = cache_sizes();
        assert_eq!(sizes.len(), SHOWN.len());
        let v3 = &sizes[0];
        assert_eq!((v3.bf16, v3.all_heads), (61.0 * 576.0 * 2.0, 61.0 * 128.0 * 320.0 * 2.0));
        assert!(v3.fp8 < 0.6 * v3.bf16, "{v3:?}");
        assert!(sizes[1].latent && !sizes[2].latent);
        assert_eq!(sizes[2].all_heads, sizes[2].bf16);
    }
}
