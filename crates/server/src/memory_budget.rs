//! The memory that a model will need, from the headers of its files and how it will be run. Nothing is
//! loaded.
use std::collections::BTreeMap;

use checkpoint::{Attention, ModelConfig, WeightSource};
use models::{CacheDtype, CacheKind, CacheShape, PAGE_TOKENS};
use serde::Serialize;

/// How a model will be run.
#[derive(Debug, Clone, Copy)]
pub struct BudgetParams {
    pub context: usize,
    pub sequences: usize,
    pub cache: CacheDtype,
    /// Tokens of one prefill chunk.
    pub chunk: usize,
}

/// Bytes by purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryBudget {
    /// By part: vocabulary, attention, dense, experts, prediction, vision.
    pub parts: BTreeMap<&'static str, u64>,
    pub cache: u64,
    pub buffers: u64,
}

/// The same as `inspect` and `bench` print it, in bytes.
#[derive(Debug, Clone, Serialize)]
pub struct BudgetReport {
    pub weights: u64,
    parts: BTreeMap<&'static str, u64>,
    pub cache: u64,
    pub buffers: u64,
    pub total: u64,
}

impl MemoryBudget {
    /// # Errors
    /// A tensor whose header is invalid.
    pub fn new(
        config: &ModelConfig,
        weights: &dyn WeightSource,
        params: &BudgetParams,
    ) -> Result<Self, checkpoint::WeightError> {
        let mut parts = BTreeMap::new();
        for name in weights.names() {
            let bytes = weights.tensor(&name)?.bytes().len() as u64;
            *parts.entry(part(config, &name)).or_default() += bytes;
        }
        Ok(Self { parts, cache: cache_bytes(config, params), buffers: buffers(config, params) })
    }

    pub fn weights(&self) -> u64 {
        self.parts.values().sum()
    }

    pub fn total(&self) -> u64 {
        self.weights() + self.cache + self.buffers
    }

    pub fn report(&self) -> BudgetReport {
        BudgetReport {
            weights: self.weights(),
            parts: self.parts.clone(),
            cache: self.cache,
            buffers: self.buffers,
            total: self.total(),
        }
    }
}

/// Bytes of the KV cache.
pub fn cache_bytes(config: &ModelConfig, params: &BudgetParams) -> u64 {
    let pages = params.sequences * params.context.div_ceil(PAGE_TOKENS);
    (pages * cache_shape(config).page_bytes(params.cache)) as u64
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

/// The part of a tensor, by the names that the ledger of a loaded model has.
pub fn part(config: &ModelConfig, name: &str) -> &'static str {
    let layer =
        name.strip_prefix("model.layers.").and_then(|rest| rest.split('.').next()?.parse::<usize>().ok());
    if layer.is_some_and(|layer| layer >= config.decoder().num_hidden_layers) {
        return "prediction";
    }
    if config.images().is_some() && !name.starts_with("language.") {
        return "vision";
    }
    if name.contains(".mlp.experts.") {
        "experts"
    } else if name.contains(".self_attn.") {
        "attention"
    } else if name.contains("embed_tokens") || name.contains("lm_head") {
        "vocabulary"
    } else {
        "dense"
    }
}

/// The peak of a forward pass: one layer's activations of a chunk in f32, the widest of them again as three
/// bf16 terms for AMX tiles, the logits of every sequence, and each thread's scratch for matrix products.
fn buffers(config: &ModelConfig, params: &BudgetParams) -> u64 {
    let decoder = config.decoder();
    let heads = match config.attention() {
        Attention::Latent(sizes) => {
            let expanded = 2 * (sizes.qk_nope_head_dim + sizes.qk_rope_head_dim) + 2 * sizes.v_head_dim;
            // Queries in the latent space, packed too, and the attention output.
            let absorbed = 5 * (sizes.kv_lora_rank + sizes.qk_rope_head_dim) / 2 + 2 * sizes.kv_lora_rank;
            sizes.num_attention_heads * expanded.max(absorbed)
        }
        Attention::Grouped(sizes) => {
            (2 * sizes.num_attention_heads + 2 * sizes.num_key_value_heads) * sizes.head_dim
        }
    };
    let routed =
        config.experts().map_or(0, |experts| experts.num_experts_per_tok * experts.moe_intermediate_size);
    let inner = decoder.intermediate_size.max(routed);
    let wide = heads.max(3 * inner);
    let rows = params.chunk.min(params.context);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    vision_buffers(config)
        + (threads * thread_scratch(decoder.intermediate_size.max(decoder.hidden_size))) as u64
        + (6 * rows * inner.max(decoder.hidden_size)) as u64
        + 4 * (rows * (4 * decoder.hidden_size + wide) + 2 * params.sequences * decoder.vocab_size) as u64
}

/// Scratch of one thread: 16 rows of the widest weight in f32 and as two bf16 terms, and blocks of weights
/// and scores.
fn thread_scratch(widest: usize) -> usize {
    16 * widest * (4 + 4) + (5 << 18)
}

/// One tile in the vision tower: a layer's activations and the attention scores of all pairs of patches.
fn vision_buffers(config: &ModelConfig) -> u64 {
    let ModelConfig::DeepseekVl2(config) = config else { return 0 };
    let (vision, patches) = (&config.vision, config.vision.grid() * config.vision.grid());
    4 * (patches * (8 * vision.width + 2 * vision.inner) + 3 * vision.heads * patches * patches) as u64
}
