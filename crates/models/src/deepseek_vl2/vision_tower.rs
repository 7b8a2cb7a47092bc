//! From the tiles of an image to input embeddings of the text model: features of the thumbnail and of all
//! tiles in reading order, with a learned newline after each line and a learned separator between thumbnail
//! and tiles.
use candle_core::{Device, Tensor};
use checkpoint::DeepseekVl2Config;

use super::projector::Projector;
use super::siglip::Siglip;
use crate::ledger::WeightKind;
use crate::weights::Loader;
use crate::{ForwardError, LoadError};

/// Progress of encoding one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VisionProgress {
    /// Layers that are done, over all tiles.
    pub layers: usize,
    /// Layers times tiles.
    pub total: usize,
}

/// Image encoder and projector. Other threads than the engine's can use it.
pub struct VisionTower {
    vision: Siglip,
    projector: Projector,
    /// [1, H]
    image_newline: Tensor,
    /// [1, H]
    view_seperator: Tensor,
    global_view_first: bool,
    /// Elements of a tile's pixels.
    tile_len: usize,
}

impl VisionTower {
    pub fn load(config: &DeepseekVl2Config, loader: &mut Loader) -> Result<Self, LoadError> {
        let vision = Siglip::load(&config.vision, loader)?;
        let projector = Projector::load(&config.projector, config.vision.grid(), loader)?;
        let width = config.projector.n_embed;
        let mut embedding = |name: &str| {
            let values = loader.vector(WeightKind::Vision, name, width)?;
            Ok::<_, LoadError>(Tensor::from_vec(values, (1, width), &Device::Cpu)?)
        };
        Ok(Self {
            image_newline: embedding("image_newline")?,
            view_seperator: embedding("view_seperator")?,
            vision,
            projector,
            global_view_first: config.global_view_first,
            tile_len: 3 * config.vision.image_size * config.vision.image_size,
        })
    }

    /// `pixels` [1 + width * height, 3, side, side], the thumbnail and then the tiles row by row, normalised
    /// -> rows [n, H] in the order of the prompt's positions. Tiles are computed one by one, so that nine
    /// need no more memory than one.
    ///
    /// `should_continue` is called before each layer.
    ///
    /// # Errors
    /// `Cancelled` when `should_continue` returns false; `Pixels` when their number does not fit the tiles.
    pub fn encode(
        &self,
        pixels: &[f32],
        [width, height]: [usize; 2],
        should_continue: &dyn Fn(VisionProgress) -> bool,
    ) -> Result<Vec<f32>, ForwardError> {
        let tiles = width.checked_mul(height).filter(|tiles| *tiles > 0);
        let expected = tiles.and_then(|tiles| (tiles + 1).checked_mul(self.tile_len));
        if expected != Some(pixels.len()) {
            return Err(ForwardError::Pixels { values: pixels.len(), width, height });
        }
        let mut views = Vec::new();
        let layers = self.vision.layers();
        let total = layers * (pixels.len() / self.tile_len);
        for (at, tile) in pixels.chunks_exact(self.tile_len).enumerate() {
            let should_continue =
                |layer: usize| should_continue(VisionProgress { layers: at * layers + layer, total });
            let features = self.vision.forward(tile, &should_continue)?.ok_or(ForwardError::Cancelled)?;
            views.push(self.projector.forward(&features)?);
        }
        let local = self.join_tiles(&views[1..], [width, height])?;
        let global = self.join_tiles(&views[..1], [1, 1])?;
        let (first, last) = if self.global_view_first { (global, local) } else { (local, global) };
        Ok(Tensor::cat(&[&first, &self.view_seperator, &last], 0)?.flatten_all()?.to_vec1()?)
    }

    /// The features of one tile, before and after the projector: [patches, C] and [side * side, H].
    ///
    /// # Errors
    /// As [`VisionTower::encode`].
    pub fn features(&self, pixels: &[f32]) -> Result<[Vec<f32>; 2], ForwardError> {
        if pixels.len() != self.tile_len {
            return Err(ForwardError::Pixels { values: pixels.len(), width: 0, height: 0 });
        }
        let features = self.vision.forward(pixels, &|_| true)?.ok_or(ForwardError::Cancelled)?;
        let projected = self.projector.forward(&features)?;
        Ok([features.flatten_all()?.to_vec1()?, projected.flatten_all()?.to_vec1()?])
    }

    /// Tiles [side * side, H] joined to one large grid, with a newline embedding after each of its lines.
    fn join_tiles(&self, tiles: &[Tensor], [width, height]: [usize; 2]) -> Result<Tensor, ForwardError> {
        let side = self.projector.side();
        let mut rows = Vec::with_capacity(height * side * (width + 1));
        for line in 0..height * side {
            for tile in &tiles[line / side * width..][..width] {
                rows.push(tile.narrow(0, line % side * side, side)?);
            }
            rows.push(self.image_newline.clone());
        }
        Ok(Tensor::cat(&rows, 0)?)
    }
}
