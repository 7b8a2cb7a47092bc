//! DeepSeek-VL2, VL2-Small and VL2-Tiny: a SigLIP tower sees the tiles of a picture, a projector brings what it saw into
//! the text model's width, and the text model reads the rows in the places that the prompt left for them.
//! DeepSeek's own repository is the judge in the tests.

mod projector;
mod sight;
mod siglip;

use std::sync::Arc;

use checkpoint::{DeepseekVl2Config, Vl2Attention};

pub use sight::{Looked, Sight};

use crate::LoadError;
use crate::layers::FeedForward;
use crate::transformer::Transformer;
use crate::weights::Loader;

/// # Errors
/// A tensor that is missing or has another shape than the configuration says.
pub fn load(config: &DeepseekVl2Config, mut loader: Loader) -> Result<Transformer, LoadError> {
    let sight = Arc::new(Sight::load(config, &mut loader)?);
    let loader = loader.within("language.");
    let (sizes, experts) = (&config.decoder, config.experts.as_ref());
    let feed_forward = |index: usize, layer: &str, loader: &mut Loader| {
        FeedForward::load(sizes, experts, index, loader, layer)
    };
    let text = match &config.attention {
        Vl2Attention::Latent(attention) => Transformer::latent(sizes, attention, 0, loader, feed_forward),
        Vl2Attention::Grouped(attention) => Transformer::grouped(sizes, attention, loader, feed_forward),
    };
    Ok(text?.with_sight(sight))
}
