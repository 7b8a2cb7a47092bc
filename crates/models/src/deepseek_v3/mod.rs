//! DeepSeek-V3, V3-0324, V3.1, R1, R1-0528 and the Guide model: multi-head latent attention, group-limited
//! sigmoid routing with a bias that affects the choice of experts but not their weights, and an MTP layer
//! after the last one. Follows DeepSeek's own inference code; transformers is the reference in the tests.
use checkpoint::DeepseekV3Config;

use crate::LoadError;
use crate::layers::FeedForward;
use crate::transformer::Transformer;
use crate::weights::Loader;

/// # Errors
/// When a tensor is missing or its shape contradicts the configuration.
pub fn load(config: &DeepseekV3Config, loader: Loader) -> Result<Transformer, LoadError> {
    let (sizes, experts) = (&config.decoder, config.experts.as_ref());
    Transformer::latent(
        sizes,
        &config.attention,
        config.num_nextn_predict_layers,
        loader,
        |index, layer, loader| FeedForward::load(sizes, experts, index, loader, layer),
    )
}
