//! R1-Distill-Llama 8B and 70B: grouped-query attention without biases, RoPE with Llama 3.1's scaling.
//! transformers is the reference in the tests.
use checkpoint::LlamaConfig;

use crate::LoadError;
use crate::layers::FeedForward;
use crate::transformer::Transformer;
use crate::weights::Loader;

/// # Errors
/// When a tensor is missing or its shape contradicts the configuration.
pub fn load(config: &LlamaConfig, loader: Loader) -> Result<Transformer, LoadError> {
    let sizes = &config.decoder;
    Transformer::grouped(sizes, &config.attention, loader, |_, layer, loader| {
        FeedForward::dense(sizes, loader, layer)
    })
}
