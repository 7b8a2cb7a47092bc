//! Images to pixels as DeepSeek-VL2 was trained on them: a stranger's file within bounds, resized as Pillow does to the
//! last bit, cut in tiles, and how many tokens those make.
//!
//! Of a model it knows the configuration only. Knows nothing of candle, of tokens' ids, or of where a file came from.

mod decode;
mod fit;
mod preview;
mod resample;
mod tiling;

pub use decode::{ImageError, MOST_BYTES, MOST_PIXELS, Picture, decode, kind};
pub use fit::pad;
pub use preview::preview;
pub use resample::resize;
pub use tiling::{Grid, MOST_PICTURES, Tiles, Tiling};
