//! `/v1/whaledeck/all_experts`: the same question with the experts that the router chose, and with all of
//! them, as a dense model of the same size would compute it.
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use engine::{Request, Sampling};
use protocol::openai::SamplingParams;
use protocol::{AllExpertsReport, AllExpertsRequest, ApiErrorCode, MeasuredAnswer};

use super::run::{prompt, run, text};
use crate::error::ApiError;
use crate::request::body::Body;
use crate::state::AppState;

const MAX_TOKENS: usize = 64;

pub async fn all_experts(
    State(state): State<Arc<AppState>>,
    Body(request): Body<AllExpertsRequest>,
) -> Result<Json<AllExpertsReport>, ApiError> {
    let model = state.model()?;
    if model.experts.is_none() {
        let message = "this model is dense: it has no routed experts";
        return Err(ApiError::new(ApiErrorCode::NoExperts, message));
    }
    if !model.place.place.is_host() {
        let message = "all experts are computed on the processor only, and this model is on a card";
        return Err(ApiError::new(ApiErrorCode::NotOnCard, message));
    }
    if request.max_tokens < 2 || request.max_tokens > MAX_TOKENS {
        return Err(ApiError::invalid(
            "max_tokens",
            format!("between 2 and {MAX_TOKENS} tokens are measured"),
        ));
    }
    let tokens = prompt(&state, request.messages, SamplingParams::default()).await?;
    let measure = async |all_experts: bool| {
        let request = Request {
            tokens: tokens.clone(),
            max_tokens: Some(request.max_tokens),
            sampling: Sampling { temperature: 0.0, ..Sampling::default() },
            // What one of them computed is no prefix of the other.
            salt: format!("all experts {}", state.next_id()).into_bytes(),
            all_experts,
            ..Request::default()
        };
        let run = run(&state, request).await?;
        let decoded = run.tokens.len().saturating_sub(1).max(1) as f64;
        Ok::<_, ApiError>(MeasuredAnswer {
            text: text(&state, &run.tokens)?,
            tokens: run.tokens.len(),
            token_ms: run.timings.decode.as_secs_f64() * 1000.0 / decoded,
        })
    };
    // The first pass warms up what both use.
    measure(false).await?;
    let (routed, all) = (measure(false).await?, measure(true).await?);
    Ok(Json(AllExpertsReport { parameters: model.parameters, routed, all }))
}
