//! Resizes an image to fit a frame and fills the rest with one colour: Pillow's `ImageOps.pad`.
//! Rounding follows Python, so that every pixel equals Pillow's; `resize` has the filter.
use crate::{Image, resize};

/// `width` and `height` are the frame's.
pub fn pad(image: &Image, width: usize, height: usize, fill: [u8; 3]) -> Image {
    let (inner_width, inner_height) = contain(image, width, height);
    let inner = resize(image, inner_width, inner_height);
    if (inner_width, inner_height) == (width, height) {
        return inner;
    }
    let left = half(width - inner_width);
    // Pillow centres only the dimension that does not fill the frame.
    let top = if inner_width == width { half(height - inner_height) } else { 0 };
    let mut rgb: Vec<u8> = fill.iter().copied().cycle().take(width * height * 3).collect();
    for (row, source) in inner.rgb.chunks_exact(inner_width * 3).enumerate() {
        let at = ((top + row) * width + left) * 3;
        rgb[at..at + source.len()].copy_from_slice(source);
    }
    Image { width, height, rgb }
}

/// The largest size with the image's aspect ratio in the frame (`ImageOps.contain`). A side is at least one
/// pixel, also where Pillow rounds to zero.
fn contain(image: &Image, width: usize, height: usize) -> (usize, usize) {
    let (own_width, own_height) = (image.width as f64, image.height as f64);
    let (ratio, frame) = (own_width / own_height, width as f64 / height as f64);
    let size = |share: f64, most: usize| (round(share).max(1)).min(most);
    if ratio > frame {
        (width, size(own_height / own_width * width as f64, height))
    } else if ratio < frame {
        (size(own_width / own_height * height as f64, width), height)
    } else {
        (width, height)
    }
}

fn half(rest: usize) -> usize {
    round(rest as f64 * 0.5)
}

/// Python's `round`: half to even.
fn round(value: f64) -> usize {
    value.round_ties_even() as usize
}
