//! The layers that families share. A family chooses them and their sizes. Knows nothing of families and of
//! batches: a lane computes the rows.

mod decoder;
mod feed_forward;
mod grouped_attention;
mod latent_attention;
mod mtp;

pub use decoder::{Decoder, Layer};
pub use feed_forward::FeedForward;
pub use grouped_attention::GroupedAttention;
pub use latent_attention::LatentAttention;
pub use mtp::MtpHead;
