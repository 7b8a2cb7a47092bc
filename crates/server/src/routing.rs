//! `/v1/whaledeck/routing`: which experts each token of the last answer went to.
//! It is empty for a model without experts, and only the engine decides how many tokens are kept.
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use protocol::{LayerRouting, RoutingReport, TokenRouting};

use crate::error::ApiError;
use crate::model::LoadedModel;
use crate::state::AppState;

pub async fn routing(State(state): State<Arc<AppState>>) -> Result<Json<RoutingReport>, ApiError> {
    let model = state.model()?;
    let last = model.engine.routing();
    let tokens = last.tokens.iter().map(|token| token_routing(model, token)).collect();
    let experts = model.experts.as_ref().map_or(0, |experts| experts.n_routed_experts);
    Ok(Json(RoutingReport { experts, tokens, cut: last.dropped > 0 }))
}

/// The experts of a token, with its text.
pub fn token_routing(model: &LoadedModel, token: &engine::TokenRouting) -> TokenRouting {
    let layer = |(layer, experts): &(usize, Vec<(u16, f32)>)| LayerRouting {
        layer: *layer,
        experts: experts.iter().map(|(id, _)| *id).collect(),
        weights: experts.iter().map(|(_, weight)| f64::from(*weight)).collect(),
    };
    TokenRouting {
        id: token.id,
        token: model.token_text(token.id),
        layers: token.layers.iter().map(layer).collect(),
    }
}
