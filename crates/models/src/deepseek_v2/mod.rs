//! DeepSeek-V2, V2.5, Coder-V2 and their Lite variants: multi-head latent attention and softmax routing, in
//! the large models group-limited, where a group's score is its best expert. transformers 5.23 ignores
//! norm_topk_prob, scoring_func and moe_layer_freq of this family; DeepSeek's own code and this one use them.
use checkpoint::DeepseekV2Config;

use crate::LoadError;
use crate::layers::FeedForward;
use crate::transformer::Transformer;
use crate::weights::Loader;

/// # Errors
/// When a tensor is missing or its shape contradicts the configuration.
pub fn load(config: &DeepseekV2Config, loader: Loader) -> Result<Transformer, LoadError> {
    let (sizes, experts) = (&config.decoder, config.experts.as_ref());
    Transformer::latent(sizes, &config.attention, 0, loader, |index, layer, loader| {
        FeedForward::load(sizes, experts, index, loader, layer)
    })
}
