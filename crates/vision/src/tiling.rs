//! How a picture is cut: one view of the whole, then tiles of the frame that loses least of it. Everything is the
//! model's configuration.
use checkpoint::ImageProcessing;

use crate::{Picture, pad};

/// What a model's configuration says of images.
#[derive(Debug, Clone, PartialEq)]
pub struct Tiling {
    /// Frames (width, height) a picture may be fitted in; both multiples of `image_size`. Never empty.
    pub candidate_resolutions: Vec<(usize, usize)>,
    /// Side of a tile.
    pub image_size: usize,
    pub patch_size: usize,
    pub downsample_ratio: usize,
    pub image_mean: [f64; 3],
    pub image_std: [f64; 3],
}

/// Tiles beside and above each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Grid {
    pub width: usize,
    pub height: usize,
}

impl Grid {
    pub fn tiles(self) -> usize {
        self.width * self.height
    }
}

/// A picture ready for the model: the whole first, then tiles row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Tiles {
    pub grid: Grid,
    /// [1 + tiles, 3, side, side], normalised.
    pub pixels: Vec<f32>,
}

/// More pictures than any context of a release holds.
pub const MOST_PICTURES: usize = 16;
/// With more images than this in a conversation, none is cut in tiles.
const MOST_TILED: usize = 2;

impl From<&ImageProcessing> for Tiling {
    fn from(images: &ImageProcessing) -> Self {
        Self {
            candidate_resolutions: images.candidate_resolutions.clone(),
            image_size: images.image_size,
            patch_size: images.patch_size,
            downsample_ratio: images.downsample_ratio,
            image_mean: images.image_mean,
            image_std: images.image_std,
        }
    }
}

impl Tiling {
    /// The tiles for a picture of this size among `images` of its conversation.
    pub fn grid(&self, width: usize, height: usize, images: usize) -> Grid {
        let whole = (self.image_size, self.image_size);
        let best = if images <= MOST_TILED { self.best(width, height) } else { None };
        let (width, height) = best.unwrap_or(whole);
        Grid { width: width / self.image_size, height: height / self.image_size }
    }

    /// The frame in which most of the picture's pixels survive, and of those the one with least empty.
    fn best(&self, own_width: usize, own_height: usize) -> Option<(usize, usize)> {
        let (mut best, mut most, mut least) = (None, 0, usize::MAX);
        for &(width, height) in &self.candidate_resolutions {
            let scale = (width as f64 / own_width as f64).min(height as f64 / own_height as f64);
            let shown = |side: usize| (side as f64 * scale) as usize;
            let effective = (shown(own_width) * shown(own_height)).min(own_width * own_height);
            let wasted = (width * height).saturating_sub(effective);
            if effective > most || (effective == most && wasted < least) {
                (best, most, least) = (Some((width, height)), effective, wasted);
            }
        }
        best
    }

    /// Rows (and columns) of features of one tile.
    pub fn side(&self) -> usize {
        (self.image_size / self.patch_size).div_ceil(self.downsample_ratio)
    }

    /// Places in the prompt that an image of this grid takes: each row of features ends in a mark, and one stands between
    /// the whole and the tiles.
    pub fn tokens(&self, grid: Grid) -> usize {
        let side = self.side();
        side * (side + 1) + 1 + grid.height * side * (grid.width * side + 1)
    }

    /// Cuts and normalises.
    pub fn tiles(&self, picture: &Picture, grid: Grid) -> Tiles {
        let side = self.image_size;
        let fill = self.image_mean.map(|mean| (mean * 255.0) as u8);
        let mut pixels = Vec::with_capacity((1 + grid.tiles()) * 3 * side * side);
        self.normalise(&pad(picture, side, side, fill), 0, 0, &mut pixels);
        let local = pad(picture, grid.width * side, grid.height * side, fill);
        for row in 0..grid.height {
            for column in 0..grid.width {
                self.normalise(&local, column * side, row * side, &mut pixels);
            }
        }
        Tiles { grid, pixels }
    }

    /// One tile, plane by plane, in the steps that torch takes in f32.
    fn normalise(&self, picture: &Picture, left: usize, top: usize, out: &mut Vec<f32>) {
        let side = self.image_size;
        for plane in 0..3 {
            let (mean, std) = (self.image_mean[plane] as f32, self.image_std[plane] as f32);
            let table: Vec<f32> = (0..=255u8).map(|v| (f32::from(v) / 255.0 - mean) / std).collect();
            for row in top..top + side {
                let at = (row * picture.width + left) * 3;
                let line = &picture.rgb[at..at + side * 3];
                out.extend(line.chunks_exact(3).map(|pixel| table[usize::from(pixel[plane])]));
            }
        }
    }
}
