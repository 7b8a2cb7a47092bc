//! Images to pixels as DeepSeek-VL2 was trained on them: a stranger's file within bounds, resized as Pillow does to the
//! last bit, cut in tiles, and how many tokens those make.
//!
//! Knows nothing of candle, of tokens' ids, or of where a file came from.

mod decode;
mod fit;
mod resample;
mod tiling;

pub use decode::{ImageError, Picture, decode};
pub use fit::pad;
pub use resample::resize;
pub use tiling::{Grid, Tiles, Tiling};
