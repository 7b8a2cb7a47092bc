//! The memory that a model will take, from the headers of its files and how it will be run. Nothing is
//! loaded. The app foresees with it what the worker then reports.
use std::collections::BTreeMap;

use formats::Dtype;
use serde::Serialize;

use super::{ActivationSizes, BudgetParams, CardBudget, VISION, cache_bytes, cache_shape, part, requantized};
use crate::{Attention, ModelConfig, WeightError, WeightSource};

/// What a worker takes more than at its start, besides the model: the server, and the tokenizer's maps of
/// words and merges for each word. Measured on Linux with vocabularies of 3,000, 49,000 and 152,000 words.
const SERVER: u64 = 5_500_000;
const TOKENIZER_WORD: u64 = 390;

/// Bytes by part: vocabulary, attention, dense, experts, prediction, vision.
pub type WeightParts = BTreeMap<&'static str, u64>;

/// Bytes of the weights in main memory. `requantize` as in `models::LoadOptions`.
///
/// # Errors
/// None for the names of `weights` itself.
pub fn weight_parts(
    config: &ModelConfig,
    weights: &dyn WeightSource,
    requantize: Option<Dtype>,
) -> Result<WeightParts, WeightError> {
    let mut parts = WeightParts::new();
    for name in weights.names() {
        let (dtype, shape) = weights.layout(&name)?;
        let smaller = match (requantize, &shape[..]) {
            (Some(target), &[_, cols]) => {
                let matrix = name.strip_suffix(".weight").unwrap_or(&name);
                requantized(matrix, dtype, cols, target)
            }
            _ => None,
        };
        // Readers refuse a tensor that does not fill whole blocks.
        let bytes = smaller.unwrap_or(dtype).bytes_of(shape.iter().product()).unwrap_or_default();
        *parts.entry(part(config, &name)).or_default() += bytes as u64;
    }
    Ok(parts)
}

/// Bytes by purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryBudget {
    pub parts: WeightParts,
    pub cache: u64,
    pub buffers: u64,
    /// The server and the tokenizer, in main memory.
    pub runtime: u64,
    /// What of all is main memory: all, or for a model on a card its vision tower and the runtime.
    pub host: u64,
}

/// The same as `inspect` and `bench` print it, in bytes.
#[derive(Debug, Clone, Serialize)]
pub struct BudgetReport {
    pub weights: u64,
    parts: WeightParts,
    pub cache: u64,
    pub buffers: u64,
    pub total: u64,
}

impl MemoryBudget {
    /// `parts` are the weights in main memory.
    pub fn on_host(config: &ModelConfig, parts: WeightParts, params: &BudgetParams) -> Self {
        let cache = cache_bytes(cache_shape(config), params);
        let (buffers, runtime) = (buffers(config, params), runtime(config));
        let budget = Self { parts, cache, buffers, runtime, host: 0 };
        Self { host: budget.total() + runtime, ..budget }
    }

    /// `parts` are the weights on the card. `vision` are the bytes of the vision tower, which stays in main
    /// memory.
    pub fn on_card(
        config: &ModelConfig,
        mut parts: WeightParts,
        vision: Option<u64>,
        params: &BudgetParams,
    ) -> Self {
        let (on_card, sizes) = (parts.values().sum(), ActivationSizes::of(config));
        let CardBudget { cache, workspace, .. } =
            CardBudget::new(on_card, cache_shape(config), sizes, params);
        let tower = vision.map_or(0, |bytes| bytes + vision_buffers(config));
        parts.extend(vision.map(|bytes| (VISION, bytes)));
        let buffers = workspace + if vision.is_some() { vision_buffers(config) } else { 0 };
        let runtime = runtime(config);
        Self { parts, cache, buffers, runtime, host: tower + runtime }
    }

    pub fn weights(&self) -> u64 {
        self.parts.values().sum()
    }

    /// Of the model, without the runtime.
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

fn runtime(config: &ModelConfig) -> u64 {
    SERVER + TOKENIZER_WORD * config.decoder().vocab_size as u64
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
    // Gate and up are multiplied tile by tile into one matrix.
    let wide = heads.max(inner);
    let rows = params.chunk.min(params.context);
    vision_buffers(config)
        + (params.threads * thread_scratch(decoder.intermediate_size.max(decoder.hidden_size))) as u64
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
