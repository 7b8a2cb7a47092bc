//! The layers that families share. A family says which, with which sizes; nothing here asks for a family.

mod decoder;
mod feed_forward;
mod grouped_attention;
mod latent_attention;
mod prediction;

use kernels::attention::Context;
use kernels::cache::KvPages;
use kernels::rope::Turns;

use crate::batch::Batch;
use crate::{Pass, Step};

pub use decoder::{Decoder, Layer};
pub use feed_forward::FeedForward;
pub use grouped_attention::GroupedAttention;
pub use latent_attention::LatentAttention;
pub use prediction::Prediction;

/// What a layer's attention reads besides its input.
pub struct Reading<'a> {
    pub batch: &'a Batch<'a>,
    pub turns: &'a Turns,
    pub kv: &'a mut KvPages,
    /// Of the cache.
    pub layer: usize,
}

impl Reading<'_> {
    /// Where the keys of `step` lie.
    fn context<'a>(&'a self, step: &'a Step, pass: &'a Pass) -> Context<'a> {
        Context {
            kv: self.kv,
            pages: step.pages,
            layer: self.layer,
            past: step.past,
            prompt: step.prompt,
            cancellation: &pass.cancellation,
        }
    }
}
