//! The memory of a card that a model will need, from the headers of its files and how it will be run.
//! Computed before anything is loaded; `place` compares it with what is free.
use checkpoint::{Attention, Dtype, ModelConfig, WeightSource};
use models::cards::matrix_bytes;

use crate::memory_budget::{BudgetParams, cache_bytes, part};

/// What the driver takes for a process, and what other programs may take while the model runs.
const RESERVE: u64 = 700 << 20;
/// Arrays, the routing log and tables of a pass.
const FIXED: u64 = 64 << 20;

/// Why a model cannot be on a card whatever its memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsupportedFormat(pub Dtype);

/// Bytes that the model takes of a card, by purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CardBudget {
    pub weights: u64,
    pub cache: u64,
    pub workspace: u64,
}

impl CardBudget {
    /// `requantize` as in `models::LoadOptions`.
    ///
    /// # Errors
    /// The first format that no kernel reads.
    pub fn new(
        config: &ModelConfig,
        weights: &dyn WeightSource,
        params: &BudgetParams,
        requantize: Option<Dtype>,
    ) -> Result<Self, UnsupportedFormat> {
        let mut bytes = 0;
        for name in weights.names() {
            let Ok(layout) = weights.tensor(&name) else { continue };
            // The tower stays in host memory.
            if part(config, &name) == "vision" {
                continue;
            }
            let wide = matches!(layout.dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16 | Dtype::F8E4M3);
            let dtype = requantize.filter(|_| wide).unwrap_or(layout.dtype);
            bytes += match layout.shape[..] {
                [rows, cols] => {
                    // A row that does not fill blocks keeps its format.
                    let fits = dtype.bytes_of(cols).is_some();
                    let dtype = if fits { dtype } else { layout.dtype };
                    matrix_bytes(dtype, rows, cols).ok_or(UnsupportedFormat(dtype))?
                }
                _ => layout.shape.iter().product::<usize>() as u64 * 4,
            };
        }
        Ok(Self { weights: bytes, cache: cache_bytes(config, params), workspace: workspace(config, params) })
    }

    pub fn total(&self) -> u64 {
        self.weights + self.cache + self.workspace + FIXED
    }

    /// Bytes that must be free before the model is loaded.
    pub fn needed(&self) -> u64 {
        self.total() + RESERVE
    }
}

/// Activations of the widest pass. Every size keeps memory of its own, so all of them count.
fn workspace(config: &ModelConfig, params: &BudgetParams) -> u64 {
    let decoder = config.decoder();
    let (hidden, vocab) = (decoder.hidden_size, decoder.vocab_size);
    // An activation that is split for the tensor cores takes as much again.
    let split = |width: usize| width + width / 16;
    let attention = match config.attention() {
        Attention::Latent(sizes) => {
            let heads = sizes.num_attention_heads;
            let q = heads * (sizes.qk_nope_head_dim + sizes.qk_rope_head_dim);
            let out = heads * sizes.v_head_dim;
            q + sizes.kv_lora_rank + sizes.qk_rope_head_dim + sizes.q_lora_rank.unwrap_or(0) + 2 * out
        }
        Attention::Grouped(sizes) => {
            let (q, kv) = (sizes.num_attention_heads, sizes.num_key_value_heads);
            (2 * q + 2 * kv) * sizes.head_dim
        }
    };
    // Queries in the latent space and contexts go in pieces of so many floats.
    let pieces = match config.attention() {
        Attention::Latent(sizes) => {
            2 * (params.chunk * sizes.num_attention_heads * sizes.kv_lora_rank).min(1 << 25)
        }
        Attention::Grouped(_) => 0,
    };
    let dense = decoder.intermediate_size + split(decoder.intermediate_size);
    let feed_forward = config.experts().map_or(dense, |experts| {
        let (inner, k) = (experts.moe_intermediate_size, experts.num_experts_per_tok);
        let shared = experts.shared_width().unwrap_or(0);
        let routed = k * (inner + split(inner) + hidden) + experts.n_routed_experts;
        dense.max(routed + shared + split(shared) + hidden)
    });
    let rows = params.chunk.min(params.context);
    let floats = rows * (4 * hidden + 2 * split(hidden) + attention + feed_forward)
        + pieces
        + (params.sequences + 1) * (vocab + hidden);
    // Sizes are rounded up to a quarter of a power of two.
    (floats * 4) as u64 * 9 / 8
}
