//! DeepSeekMoE-16B: multi-head attention, softmax routing without groups, shared experts. transformers has no
//! such class; the reference in the tests is a torch model of the code that was published with the weights.
use checkpoint::DeepseekConfig;

use crate::LoadError;
use crate::layers::FeedForward;
use crate::transformer::Transformer;
use crate::weights::Loader;

/// # Errors
/// When a tensor is missing or its shape contradicts the configuration.
pub fn load(config: &DeepseekConfig, loader: Loader) -> Result<Transformer, LoadError> {
    let (sizes, experts) = (&config.decoder, config.experts.as_ref());
    Transformer::grouped(sizes, &config.attention, loader, |index, layer, loader| {
        FeedForward::load(sizes, experts, index, loader, layer)
    })
}
