//! `/v1/whaledeck/fp8`: a block of 128 x 128 weights of the loaded model beside the same block in e4m3 with
//! one scale, as DeepSeek-V3 stores them (arXiv 2412.19437, section 3.3).
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use checkpoint::{Checkpoint, Dtype, WeightError, e4m3_to_f32, f32_to_e4m3};
use protocol::{ApiErrorCode, Fp8Report};

use crate::error::ApiError;
use crate::state::AppState;

const BLOCK: usize = 128;
/// The largest value of e4m3.
const MAX: f32 = 448.0;

pub async fn fp8(State(state): State<Arc<AppState>>) -> Result<Json<Fp8Report>, ApiError> {
    let path = state.model()?.path.clone();
    let read = move || {
        let checkpoint = checkpoint::open(&path).map_err(|error| error.to_string())?;
        block(&checkpoint).map_err(|error| error.to_string())
    };
    let report = tokio::task::spawn_blocking(read).await.map_err(|error| error.to_string());
    let report = report.and_then(|report| report);
    report.map(Json).map_err(|message| ApiError::new(ApiErrorCode::Internal, message))
}

/// Of the attention's output projection in the middle layer, which every family has.
fn block(checkpoint: &Checkpoint) -> Result<Fp8Report, WeightError> {
    let layer = checkpoint.config.decoder().num_hidden_layers / 2;
    let tensor = format!("model.layers.{layer}.self_attn.o_proj.weight");
    let view = checkpoint.weights.tensor(&tensor)?;
    let width = view.shape.last().copied().unwrap_or(0);
    let (rows, cols) = (BLOCK.min(view.len() / width.max(1)), BLOCK.min(width));
    // An FP8 file has its values without their scale, of which this block is the first.
    let stored = match view.dtype {
        Dtype::F8E4M3 => checkpoint.weights.tensor(&format!("{tensor}_scale_inv"))?.to_f32()[0],
        _ => 1.0,
    };
    let first = view.first_rows(rows);
    let values = first.chunks_exact(width).flat_map(|row| &row[..cols]).map(|value| value * stored);
    let values: Vec<f32> = values.collect();
    let largest = values.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
    let scale = if largest > 0.0 { largest / MAX } else { 1.0 };
    let fp8 = values.iter().map(|value| e4m3_to_f32(f32_to_e4m3(value / scale)) * scale);
    let fp8 = fp8.collect();
    Ok(Fp8Report { tensor, dtype: view.dtype.name().to_owned(), rows, cols, scale, values, fp8 })
}
