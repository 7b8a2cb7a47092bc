//! `/v1/whaledeck/prompt_routing`: the experts that each token of a text goes to, and the bias by which the
//! router balances them.
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use engine::Request;
use protocol::{ApiErrorCode, PromptRoutingReport, PromptRoutingRequest};

use super::run::run;
use crate::error::ApiError;
use crate::request::body::Body;
use crate::routing::token_routing;
use crate::state::AppState;

pub async fn prompt_routing(
    State(state): State<Arc<AppState>>,
    Body(request): Body<PromptRoutingRequest>,
) -> Result<Json<PromptRoutingReport>, ApiError> {
    let model = state.model()?;
    let Some(experts) = model.experts.clone() else {
        let message = "this model has no routed experts: every token uses all of its parameters";
        return Err(ApiError::new(ApiErrorCode::NoExperts, message));
    };
    let text = model.tokenizer.encode(&request.text);
    let text = text.map_err(|error| ApiError::invalid("text", error.to_string()))?;
    let begin = usize::from(model.tokenizer.bos_token().is_some());
    let tokens = model.tokenizer.bos_token().into_iter().chain(text).collect();
    // A salt of its own: tokens that are in the prefix cache are not computed, and so not routed.
    let salt = format!("prompt routing {}", state.next_id()).into_bytes();
    let request = Request { tokens, max_tokens: Some(1), prompt_routing: true, salt, ..Request::default() };
    let routing = run(&state, request).await?.routing;
    let tokens = routing.tokens.iter().skip(begin).map(|token| token_routing(model, token)).collect();
    Ok(Json(PromptRoutingReport { experts, tokens, bias: model.router_bias.clone() }))
}
