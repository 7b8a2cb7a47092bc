//! R1-0528-Qwen3-8B: grouped-query attention with RMSNorm of each head's queries and keys.
//! transformers is the reference in the tests.
use checkpoint::Qwen3Config;

use crate::LoadError;
use crate::layers::FeedForward;
use crate::transformer::Transformer;
use crate::weights::Loader;

/// # Errors
/// When a tensor is missing or its shape contradicts the configuration.
pub fn load(config: &Qwen3Config, loader: Loader) -> Result<Transformer, LoadError> {
    let sizes = &config.decoder;
    Transformer::grouped(sizes, &config.attention, loader, |_, layer, loader| {
        FeedForward::dense(sizes, loader, layer)
    })
}
