//! A picture inside a frame of another shape, centred, with the rest in one colour: Pillow's `ImageOps.pad`.
use crate::{Picture, resize};

/// `width` and `height` are the frame's.
pub fn pad(picture: &Picture, width: usize, height: usize, fill: [u8; 3]) -> Picture {
    let (inner_width, inner_height) = contain(picture, width, height);
    let inner = resize(picture, inner_width, inner_height);
    if (inner_width, inner_height) == (width, height) {
        return inner;
    }
    let left = half(width - inner_width);
    // Pillow centres the narrower dimension only; the other fills the frame.
    let top = if inner_width == width { half(height - inner_height) } else { 0 };
    let mut rgb: Vec<u8> = fill.iter().copied().cycle().take(width * height * 3).collect();
    for (row, source) in inner.rgb.chunks_exact(inner_width * 3).enumerate() {
        let at = ((top + row) * width + left) * 3;
        rgb[at..at + source.len()].copy_from_slice(source);
    }
    Picture { width, height, rgb }
}

/// The size that fills the frame in one dimension. A strip so thin that Pillow leaves nothing of it keeps one pixel.
fn contain(picture: &Picture, width: usize, height: usize) -> (usize, usize) {
    let (own_width, own_height) = (picture.width as f64, picture.height as f64);
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

/// Python's: halves go to the even neighbour.
fn round(value: f64) -> usize {
    value.round_ties_even() as usize
}
