//! How an engine is configured, with the defaults of a desktop. Plain data: [`crate::Engine::start`] applies
//! the limits of the model.
use models::CacheDtype;

use crate::cache::spill::Spill;
use crate::draft::Speculation;

#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Tokens of one sequence, prompt and answer together. The model's own limit applies as well.
    pub context: usize,
    /// Sequences that run at once, 1 to 8.
    pub max_sequences: usize,
    /// Prompt tokens of one forward pass.
    pub prefill_chunk: usize,
    pub cache_dtype: CacheDtype,
    /// Size of the KV cache. When absent, every sequence has room for a full context. With less, a request
    /// waits until the pages that it may need are free.
    pub cache_bytes: Option<u64>,
    /// Whether pages of ended sequences stay in the cache for prompts with the same beginning.
    pub prefix_caching: bool,
    pub speculation: Speculation,
    /// Where the prefix cache is saved when the engine ends or is idle.
    pub spill: Option<Spill>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            context: 4096,
            max_sequences: 2,
            prefill_chunk: 256,
            cache_dtype: CacheDtype::Bf16,
            cache_bytes: None,
            prefix_caching: true,
            speculation: Speculation::Auto { max_drafts: 3 },
            spill: None,
        }
    }
}
