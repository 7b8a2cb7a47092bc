//! The memory of a card that a model takes besides its weights, and the whole of it. What is free on a card
//! is not known here.
use formats::kv_cache::{CacheShape, MAX_LATENT_FLOATS};
use serde::{Deserialize, Serialize};

use super::{BudgetParams, cache_bytes};
use crate::{Attention, ModelConfig};

/// Tokens of one prefill chunk on a card: fewer would not fill it.
pub const CARD_CHUNK: usize = 2048;
/// What other programs may take of a card while the model runs.
pub const CARD_RESERVE: u64 = 700 << 20;
/// Arrays, the routing log and tables of a pass.
const CARD_TABLES: u64 = 64 << 20;
/// What the driver takes for a process that opens a card: 526 MiB were measured on an H200, and the kernels.
/// Cards with fewer multiprocessors take less.
pub const CARD_CONTEXT: u64 = 560 << 20;

/// What is left over of the driver's pages of 2 MiB behind the matrices at most: 100 to 240 MiB were measured
/// for models of 1 to 10 GB.
const PAGE_REST: u64 = 256 << 20;

/// Bytes of a card by purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CardBudget {
    pub weights: u64,
    pub cache: u64,
    /// Activations and tables of a pass.
    pub workspace: u64,
}

impl CardBudget {
    /// `weights` are the bytes of the weights on the card.
    pub fn new(weights: u64, shape: CacheShape, sizes: ActivationSizes, params: &BudgetParams) -> Self {
        let weights = weights.saturating_add(PAGE_REST.min(weights / 20));
        Self { weights, cache: cache_bytes(shape, params), workspace: sizes.workspace(params) }
    }

    /// What the model takes.
    pub fn total(&self) -> u64 {
        self.weights.saturating_add(self.cache).saturating_add(self.workspace)
    }

    /// Bytes that must be free before the model is loaded, once the card is open.
    pub fn needed(&self) -> u64 {
        self.total().saturating_add(CARD_RESERVE)
    }
}

/// What the activations of a pass on a card grow with, in floats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivationSizes {
    /// Of one token, in the widest layer.
    pub token: u64,
    /// Of a token's queries in the latent space; 0 without latent attention.
    pub latent: u64,
    /// Of one sequence's output: logits and hidden state.
    pub output: u64,
}

impl ActivationSizes {
    pub fn of(config: &ModelConfig) -> Self {
        let decoder = config.decoder();
        let (hidden, vocab) = (decoder.hidden_size, decoder.vocab_size);
        // An activation that is split for the tensor cores takes as much again.
        let split = |width: usize| width + width / 16;
        let (attention, latent) = match config.attention() {
            Attention::Latent(sizes) => {
                let heads = sizes.num_attention_heads;
                let q = heads * (sizes.qk_nope_head_dim + sizes.qk_rope_head_dim);
                let out = heads * sizes.v_head_dim;
                let low = sizes.kv_lora_rank + sizes.qk_rope_head_dim + sizes.q_lora_rank.unwrap_or(0);
                (q + low + 2 * out, heads * sizes.kv_lora_rank)
            }
            Attention::Grouped(sizes) => {
                let (q, kv) = (sizes.num_attention_heads, sizes.num_key_value_heads);
                ((2 * q + 2 * kv) * sizes.head_dim, 0)
            }
        };
        let dense = decoder.intermediate_size + split(decoder.intermediate_size);
        let feed_forward = config.experts().map_or(dense, |experts| {
            let (inner, k) = (experts.moe_intermediate_size, experts.num_experts_per_tok);
            let shared = experts.shared_width().unwrap_or(0);
            let routed = k * (inner + split(inner) + hidden) + experts.n_routed_experts;
            dense.max(routed + shared + split(shared) + hidden)
        });
        Self {
            token: (4 * hidden + 2 * split(hidden) + attention + feed_forward) as u64,
            latent: latent as u64,
            output: (vocab + hidden) as u64,
        }
    }

    /// Bytes of the activations and tables of the widest pass. Every size keeps memory of its own, so all of
    /// them count.
    fn workspace(self, params: &BudgetParams) -> u64 {
        let chunk = params.chunk as u64;
        // Queries in the latent space and contexts go in pieces of so many floats.
        let pieces = 2 * (chunk * self.latent).min(MAX_LATENT_FLOATS as u64);
        let floats = chunk.min(params.context as u64) * self.token
            + pieces
            + (params.sequences as u64 + 1) * self.output;
        // Sizes are rounded up to a quarter of a power of two.
        floats * 4 * 9 / 8 + CARD_TABLES
    }
}
