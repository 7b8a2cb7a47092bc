//! The memory that a model will need, from the headers of its files and how it will be run. Nothing is
//! loaded.
use std::collections::BTreeMap;

use checkpoint::memory::{ActivationSizes, BudgetParams, CardBudget, cache_bytes, cache_shape, part};
use checkpoint::{Attention, Dtype, ModelConfig, WeightSource};
use serde::Serialize;

use crate::card_budget::{VISION, card_weights};

/// Bytes by purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryBudget {
    /// By part: vocabulary, attention, dense, experts, prediction, vision.
    pub parts: BTreeMap<&'static str, u64>,
    pub cache: u64,
    pub buffers: u64,
    /// What of them is main memory: all, or the vision tower of a model on a card.
    pub host: u64,
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
        let budget = Self {
            parts,
            cache: cache_bytes(cache_shape(config), params),
            buffers: buffers(config, params),
            host: 0,
        };
        Ok(Self { host: budget.total(), ..budget })
    }

    /// The same for a model on a card. `requantize` as in `models::LoadOptions`.
    ///
    /// # Errors
    /// As `new`.
    pub fn on_card(
        config: &ModelConfig,
        weights: &dyn WeightSource,
        params: &BudgetParams,
        requantize: Option<Dtype>,
    ) -> Result<Self, checkpoint::WeightError> {
        let vision = Self::new(config, weights, params)?.parts.remove(VISION);
        // A model with a format that no kernel reads was refused before.
        let mut parts = card_weights(config, weights, requantize).unwrap_or_default();
        let on_card = parts.values().sum();
        let sizes = ActivationSizes::of(config);
        let CardBudget { cache, workspace, .. } =
            CardBudget::new(on_card, cache_shape(config), sizes, params);
        let tower = vision.map_or(0, |bytes| bytes + vision_buffers(config));
        parts.extend(vision.map(|bytes| (VISION, bytes)));
        let buffers = workspace + if vision.is_some() { vision_buffers(config) } else { 0 };
        Ok(Self { parts, cache, buffers, host: tower })
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
