//! The layers that families share. A family chooses them and their sizes. Knows nothing of families, and of a
//! batch only its rows.

mod decoder;
mod feed_forward;
mod grouped_attention;
mod latent_attention;
mod mtp;

use kernels::attention::Context;
use kernels::cache::KvPages;
use kernels::rope::RotaryTable;

use crate::batch::Batch;
use crate::{Pass, Step};

pub use decoder::{Decoder, Layer};
pub use feed_forward::FeedForward;
pub use grouped_attention::GroupedAttention;
pub use latent_attention::LatentAttention;
pub use mtp::MtpHead;

/// Input of a layer besides the hidden states.
pub struct LayerContext<'a> {
    pub batch: &'a Batch<'a>,
    /// Sine and cosine of the batch's positions.
    pub rotary: &'a RotaryTable,
    pub kv: &'a mut KvPages,
    /// The cache layer, which is the index of this layer.
    pub layer: usize,
}

impl LayerContext<'_> {
    /// Where the keys and values of `step` are.
    fn attention<'a>(&'a self, step: &'a Step, pass: &'a Pass) -> Context<'a> {
        Context {
            kv: self.kv,
            pages: step.pages,
            layer: self.layer,
            past: step.past,
            prefill: step.prefill,
            cancellation: &pass.cancellation,
        }
    }
}
