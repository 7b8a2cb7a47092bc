//! What a picture is to the text model: rows for the places that its prompt left, in reading order, with a learned mark
//! at the end of each line and one between the whole picture and its tiles.
use candle_core::Tensor;
use checkpoint::DeepseekVl2Config;

use super::projector::Projector;
use super::siglip::Siglip;
use crate::ledger::Part;
use crate::weights::Loader;
use crate::{ForwardError, LoadError};

/// How far it is with one picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Looked {
    /// Layers of the tower that are done, over all tiles.
    pub layers: usize,
    /// Layers times tiles.
    pub all: usize,
}

/// Everything that sees. It can be asked from another thread than the one that computes text.
pub struct Sight {
    vision: Siglip,
    projector: Projector,
    /// [1, H]
    image_newline: Tensor,
    /// [1, H]
    view_seperator: Tensor,
    global_view_first: bool,
    tile_numbers: usize,
}

impl Sight {
    pub fn load(config: &DeepseekVl2Config, loader: &mut Loader) -> Result<Self, LoadError> {
        let vision = Siglip::load(&config.vision, loader)?;
        let projector = Projector::load(&config.projector, config.vision.grid(), loader)?;
        let width = config.projector.n_embed;
        let mut mark = |name: &str| {
            let values = loader.vector(Part::Vision, name, width)?;
            Ok::<_, LoadError>(Tensor::from_vec(values, (1, width), loader.device())?)
        };
        Ok(Self {
            image_newline: mark("image_newline")?,
            view_seperator: mark("view_seperator")?,
            vision,
            projector,
            global_view_first: config.global_view_first,
            tile_numbers: 3 * config.vision.image_size * config.vision.image_size,
        })
    }

    /// `pixels` [1 + width * height, 3, side, side], the whole picture and then its tiles row by row, normalised
    /// -> rows [n, H] in the order in which the prompt has places. Tile after tile, so that nine take no more room than
    /// one.
    ///
    /// `goes_on` is asked before each layer.
    ///
    /// # Errors
    /// `Cancelled` within one layer of the request; `Pixels` when they do not make the tiles.
    pub fn see(
        &self,
        pixels: &[f32],
        [width, height]: [usize; 2],
        goes_on: &dyn Fn(Looked) -> bool,
    ) -> Result<Vec<f32>, ForwardError> {
        let tiles = width.checked_mul(height).filter(|tiles| *tiles > 0);
        let wanted = tiles.and_then(|tiles| (tiles + 1).checked_mul(self.tile_numbers));
        if wanted != Some(pixels.len()) {
            return Err(ForwardError::Pixels { numbers: pixels.len(), width, height });
        }
        let mut views = Vec::new();
        let layers = self.vision.layers();
        let all = layers * (pixels.len() / self.tile_numbers);
        for (at, tile) in pixels.chunks_exact(self.tile_numbers).enumerate() {
            let seen =
                self.vision.forward(tile, &|layer| goes_on(Looked { layers: at * layers + layer, all }))?;
            views.push(self.projector.forward(&seen.ok_or(ForwardError::Cancelled)?)?);
        }
        let local = self.lines(&views[1..], [width, height])?;
        let global = self.lines(&views[..1], [1, 1])?;
        let (first, last) = if self.global_view_first { (global, local) } else { (local, global) };
        Ok(Tensor::cat(&[&first, &self.view_seperator, &last], 0)?.flatten_all()?.to_vec1()?)
    }

    /// What the tower sees of one tile, and what the projector makes of it: [patches, C] and [side * side, H].
    ///
    /// # Errors
    /// As [`Sight::see`].
    pub fn features(&self, pixels: &[f32]) -> Result<[Vec<f32>; 2], ForwardError> {
        if pixels.len() != self.tile_numbers {
            return Err(ForwardError::Pixels { numbers: pixels.len(), width: 0, height: 0 });
        }
        let seen = self.vision.forward(pixels, &|_| true)?.ok_or(ForwardError::Cancelled)?;
        let projected = self.projector.forward(&seen)?;
        Ok([seen.flatten_all()?.to_vec1()?, projected.flatten_all()?.to_vec1()?])
    }

    /// Tiles [side * side, H] beside and above each other as one large grid, a mark after each of its lines.
    fn lines(&self, tiles: &[Tensor], [width, height]: [usize; 2]) -> Result<Tensor, ForwardError> {
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
