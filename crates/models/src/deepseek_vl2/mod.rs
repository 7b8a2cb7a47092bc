//! DeepSeek-VL2, VL2-Small and VL2-Tiny: a SigLIP encoder computes features of an image's tiles, a projector
//! maps them to the hidden size of the text model, and the text model gets them as input embeddings at the
//! image's positions. DeepSeek's own repository is the reference in the tests.

mod projector;
mod siglip;
mod vision_tower;

use std::sync::Arc;

use checkpoint::{DeepseekVl2Config, Vl2Attention};

pub use vision_tower::{VisionProgress, VisionTower};

use crate::LoadError;
use crate::layers::FeedForward;
use crate::transformer::Transformer;
use crate::weights::Loader;

/// # Errors
/// When a tensor is missing or its shape contradicts the configuration.
pub fn load(config: &DeepseekVl2Config, mut loader: Loader) -> Result<Transformer, LoadError> {
    // The tower runs on other threads than the engine's, beside the text model.
    let vision = Arc::new(loader.on_host(|loader| VisionTower::load(config, loader))?);
    let loader = loader.with_prefix("language.");
    let (sizes, experts) = (&config.decoder, config.experts.as_ref());
    let feed_forward = |index: usize, layer: &str, loader: &mut Loader| {
        FeedForward::load(sizes, experts, index, loader, layer)
    };
    let text = match &config.attention {
        Vl2Attention::Latent(attention) => Transformer::latent(sizes, attention, 0, loader, feed_forward),
        Vl2Attention::Grouped(attention) => Transformer::grouped(sizes, attention, loader, feed_forward),
    };
    Ok(text?.with_vision(vision))
}
