//! How long a model with eyes takes over a picture, and until the first word about it.
use std::time::Instant;

use checkpoint::ModelConfig;
use models::VisionTower;
use serde_json::{Value, json};
use vision::{Grid, Tiling};

use crate::subject::Run;

/// Tiles beside and above each other: the smallest picture and the largest.
const GRIDS: [Grid; 2] = [Grid { width: 1, height: 1 }, Grid { width: 3, height: 3 }];

/// Places that the largest picture takes in a prompt.
pub fn most_tokens(config: &ModelConfig) -> usize {
    let tiling = config.images().map(Tiling::from);
    tiling.map_or(0, |tiling| GRIDS.map(|grid| tiling.tokens(grid)).into_iter().max().unwrap_or(0))
}

/// Null for a model of text alone.
pub fn pictures(run: &mut Run, config: &ModelConfig) -> Result<Value, String> {
    let (ModelConfig::DeepseekVl2(config), Some(vision)) = (config, run.model().vision()) else {
        return Ok(Value::Null);
    };
    let numbers = 3 * config.vision.image_size * config.vision.image_size;
    let all: Result<Vec<Value>, String> =
        GRIDS.iter().map(|grid| picture(run, &vision, numbers, *grid)).collect();
    Ok(all?.into())
}

/// `numbers` of one tile.
fn picture(run: &mut Run, vision: &VisionTower, numbers: usize, grid: Grid) -> Result<Value, String> {
    let tiles = 1 + grid.tiles();
    let pixels: Vec<f32> = (0..tiles * numbers).map(|at| (at % 255) as f32 / 127.0 - 1.0).collect();
    let start = Instant::now();
    let rows = vision
        .encode(&pixels, [grid.width, grid.height], &|_| true)
        .map_err(|error| format!("measure: {error}"))?;
    let encode = start.elapsed().as_secs_f64();
    run.past = 0;
    let tokens = run.look(&rows)?;
    let first_token = start.elapsed().as_secs_f64();
    Ok(json!({
        "grid": [grid.width, grid.height], "tiles": tiles, "tokens": tokens, "encode_seconds": encode,
        "encode_seconds_per_tile": encode / tiles as f64, "first_token_seconds": first_token,
    }))
}
