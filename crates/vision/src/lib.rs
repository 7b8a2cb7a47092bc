//! Image preprocessing of DeepSeek-VL2: decodes untrusted files within limits, resizes bit-exactly like
//! Pillow, splits into tiles, and counts the image tokens.
//!
//! Knows only the configuration of a model, nothing of candle, token ids, or where a file comes from.

mod decode;
mod pad;
mod preview;
mod resample;
mod tiling;

pub use decode::{Image, ImageError, MAX_BYTES, MAX_PIXELS, decode, media_type};
pub use pad::pad;
pub use preview::{png, preview};
pub use resample::resize;
pub use tiling::{Grid, MAX_IMAGES, Tiles, Tiling};
