//! R1-Distill-Qwen 1.5B to 32B: grouped-query attention with biases of queries, keys and values.
//! transformers is the reference in the tests.
use checkpoint::Qwen2Config;

use crate::LoadError;
use crate::layers::FeedForward;
use crate::transformer::Transformer;
use crate::weights::Loader;

/// # Errors
/// When a tensor is missing or its shape contradicts the configuration.
pub fn load(config: &Qwen2Config, loader: Loader) -> Result<Transformer, LoadError> {
    let sizes = &config.decoder;
    Transformer::grouped(sizes, &config.attention, loader, |_, layer, loader| {
        FeedForward::dense(sizes, loader, layer)
    })
}
