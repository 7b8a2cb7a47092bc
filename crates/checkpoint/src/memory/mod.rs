//! The memory that a model takes, as the catalogue, the worker and the loader count it: which part a tensor
//! is of, the format that it gets, the cache, and the activations of a pass on a graphics card. Pure
//! functions; what a matrix in a format takes of a card's memory is in `cuda`.
mod budget;
mod cache;
mod card;
mod weights;

pub use budget::{BudgetReport, MemoryBudget, WeightParts, weight_parts};
pub use cache::{cache_bytes, cache_shape, default_cache_dtype};
pub use card::{ActivationSizes, CARD_CHUNK, CARD_CONTEXT, CARD_RESERVE, CardBudget};
pub use formats::kv_cache::{CacheDtype, PAGE_TOKENS};
pub use weights::{VISION, part, requantized, weight_dtype};

/// Tokens of one prefill chunk on the processor.
pub const HOST_CHUNK: usize = 256;

/// How a model will be run.
#[derive(Debug, Clone, Copy)]
pub struct BudgetParams {
    pub context: usize,
    pub sequences: usize,
    pub cache: CacheDtype,
    /// Tokens of one prefill chunk.
    pub chunk: usize,
    /// Threads of the processor.
    pub threads: usize,
}

impl BudgetParams {
    /// As a worker runs a model on a card when its start names no type of the cache.
    pub fn on_card(context: usize, sequences: usize) -> Self {
        Self { context, sequences, cache: default_cache_dtype(context), chunk: CARD_CHUNK, threads: 1 }
    }
}
