//! How long the vision tower takes for an image, and until the first token about it.
//! Times are in seconds. Pixels are synthetic: the time does not depend on their values.
use std::time::Instant;

use checkpoint::ModelConfig;
use models::VisionTower;
use serde::Serialize;
use vision::{Grid, Tiling};

use super::target::BenchSequence;

/// Grids of tiles: the smallest image and the largest.
const GRIDS: [Grid; 2] = [Grid { width: 1, height: 1 }, Grid { width: 3, height: 3 }];

/// Tokens of the largest image.
pub fn max_tokens(config: &ModelConfig) -> usize {
    let tiling = config.images().map(Tiling::from);
    tiling.map_or(0, |tiling| GRIDS.map(|grid| tiling.tokens(grid)).into_iter().max().unwrap_or(0))
}

#[derive(Debug, Serialize)]
pub struct ImageReport {
    grid: [usize; 2],
    tiles: usize,
    tokens: usize,
    encode_seconds: f64,
    encode_seconds_per_tile: f64,
    first_token_seconds: f64,
}

/// Nothing for a model without a vision tower.
pub fn measure(
    sequence: &mut BenchSequence,
    config: &ModelConfig,
) -> Result<Option<Vec<ImageReport>>, String> {
    let (ModelConfig::DeepseekVl2(config), Some(tower)) = (config, sequence.model().vision()) else {
        return Ok(None);
    };
    let tile_values = 3 * config.vision.image_size * config.vision.image_size;
    GRIDS.iter().map(|grid| image(sequence, &tower, tile_values, *grid)).collect::<Result<_, _>>().map(Some)
}

/// `tile_values`: f32 of one tile.
fn image(
    sequence: &mut BenchSequence,
    tower: &VisionTower,
    tile_values: usize,
    grid: Grid,
) -> Result<ImageReport, String> {
    let tiles = 1 + grid.tiles();
    let pixels: Vec<f32> = (0..tiles * tile_values).map(|at| (at % 255) as f32 / 127.0 - 1.0).collect();
    let start = Instant::now();
    let rows = tower
        .encode(&pixels, [grid.width, grid.height], &|_| true)
        .map_err(|error| format!("measure: {error}"))?;
    let encode = start.elapsed().as_secs_f64();
    sequence.past = 0;
    let tokens = sequence.prefill_image(&rows)?;
    let first_token = start.elapsed().as_secs_f64();
    Ok(ImageReport {
        grid: [grid.width, grid.height],
        tiles,
        tokens,
        encode_seconds: encode,
        encode_seconds_per_tile: encode / tiles as f64,
        first_token_seconds: first_token,
    })
}
