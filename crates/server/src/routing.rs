//! `/v1/whaledeck/routing`: which experts each token of the last answer went to.
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::router::Shared;

pub async fn routing(State(shared): State<Arc<Shared>>) -> Result<Json<Value>, ApiError> {
    let loaded = shared.loaded()?;
    let last = loaded.engine.routing();
    let tokens: Vec<Value> = last
        .tokens
        .iter()
        .map(|token| {
            let text = String::from_utf8_lossy(loaded.tokenizer.bytes(token.id));
            let layers: Vec<Value> = token
                .layers
                .iter()
                .map(|(layer, experts)| {
                    let (ids, weights): (Vec<u16>, Vec<f32>) = experts.iter().copied().unzip();
                    json!({"layer": layer, "experts": ids, "weights": weights})
                })
                .collect();
            json!({"id": token.id, "token": text, "layers": layers})
        })
        .collect();
    Ok(Json(json!({"experts": loaded.experts, "tokens": tokens, "cut": last.truncated})))
}
