//! Dynamic tiling of DeepSeek-VL2: a global view, then local tiles of the best candidate resolution. All
//! parameters come from the model's configuration.
use checkpoint::ImageProcessing;

use crate::{Image, pad};

/// The image settings of a model's configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Tiling {
    /// (width, height) of the local view; multiples of `image_size`. Never empty.
    pub candidate_resolutions: Vec<(usize, usize)>,
    /// Side of a tile.
    pub image_size: usize,
    pub patch_size: usize,
    pub downsample_ratio: usize,
    pub image_mean: [f64; 3],
    pub image_std: [f64; 3],
}

/// The number of local tiles in each dimension.
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

/// The input of the vision tower: the global view, then the local tiles row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Tiles {
    pub grid: Grid,
    /// [1 + tiles, 3, image_size, image_size], normalised.
    pub pixels: Vec<f32>,
}

/// Limit of images in a conversation; no published context length holds more.
pub const MAX_IMAGES: usize = 16;
/// With more images than this in a conversation, none gets local tiles.
const MAX_TILED_IMAGES: usize = 2;

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
    /// The local tiles of an image of this size in a conversation with `images` images.
    pub fn grid(&self, width: usize, height: usize, images: usize) -> Grid {
        let single_tile = (self.image_size, self.image_size);
        let best = if images <= MAX_TILED_IMAGES { self.best_resolution(width, height) } else { None };
        let (width, height) = best.unwrap_or(single_tile);
        Grid { width: width / self.image_size, height: height / self.image_size }
    }

    /// The candidate resolution with the most effective pixels, then with the least padding.
    fn best_resolution(&self, own_width: usize, own_height: usize) -> Option<(usize, usize)> {
        let (mut best, mut most, mut least) = (None, 0, usize::MAX);
        for &(width, height) in &self.candidate_resolutions {
            let scale = (width as f64 / own_width as f64).min(height as f64 / own_height as f64);
            let scaled = |side: usize| (side as f64 * scale) as usize;
            let effective = (scaled(own_width) * scaled(own_height)).min(own_width * own_height);
            let wasted = (width * height).saturating_sub(effective);
            if effective > most || (effective == most && wasted < least) {
                (best, most, least) = (Some((width, height)), effective, wasted);
            }
        }
        best
    }

    /// Rows (and columns) of features of one tile after downsampling.
    pub fn side(&self) -> usize {
        (self.image_size / self.patch_size).div_ceil(self.downsample_ratio)
    }

    /// Number of image tokens for this grid: each row of features ends with a newline token, and a separator
    /// is between the global view and the local tiles.
    pub fn tokens(&self, grid: Grid) -> usize {
        let side = self.side();
        side * (side + 1) + 1 + grid.height * side * (grid.width * side + 1)
    }

    /// Splits an image into tiles and normalises them.
    pub fn tiles(&self, image: &Image, grid: Grid) -> Tiles {
        let side = self.image_size;
        let fill = self.image_mean.map(|mean| (mean * 255.0) as u8);
        let mut pixels = Vec::with_capacity((1 + grid.tiles()) * 3 * side * side);
        self.normalise(&pad(image, side, side, fill), 0, 0, &mut pixels);
        let local = pad(image, grid.width * side, grid.height * side, fill);
        for row in 0..grid.height {
            for column in 0..grid.width {
                self.normalise(&local, column * side, row * side, &mut pixels);
            }
        }
        Tiles { grid, pixels }
    }

    /// One tile, channel by channel, with the f32 operations of torchvision.
    fn normalise(&self, image: &Image, left: usize, top: usize, out: &mut Vec<f32>) {
        let side = self.image_size;
        for plane in 0..3 {
            let (mean, std) = (self.image_mean[plane] as f32, self.image_std[plane] as f32);
            let table: Vec<f32> = (0..=255u8).map(|v| (f32::from(v) / 255.0 - mean) / std).collect();
            for row in top..top + side {
                let at = (row * image.width + left) * 3;
                let line = &image.rgb[at..at + side * 3];
                out.extend(line.chunks_exact(3).map(|pixel| table[usize::from(pixel[plane])]));
            }
        }
    }
}
