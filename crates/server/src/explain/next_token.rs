//! `/v1/whaledeck/next_token`: from which distribution the next token would be drawn, for some sampling
//! parameters. The model computes its logits once.
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use engine::{DistributionRequest, Request};
use protocol::openai::{MessageContent, SamplingParams};
use protocol::{NextTokenReport, NextTokenRequest, TokenProbability};

use super::run::{prompt, run};
use crate::error::ApiError;
use crate::request::body::Body;
use crate::sampling_params::{self, sampling};
use crate::state::AppState;

const MAX_COUNT: usize = 20;
const MAX_SAMPLINGS: usize = 8;

pub async fn next_token(
    State(state): State<Arc<AppState>>,
    Body(request): Body<NextTokenRequest>,
) -> Result<Json<NextTokenReport>, ApiError> {
    let NextTokenRequest { messages, samplings, count } = request;
    samplings.iter().try_for_each(sampling_params::check)?;
    if samplings.is_empty() || samplings.len() > MAX_SAMPLINGS {
        return Err(ApiError::invalid("samplings", format!("between 1 and {MAX_SAMPLINGS} are taken")));
    }
    if count == 0 || count > MAX_COUNT {
        return Err(ApiError::invalid("count", format!("between 1 and {MAX_COUNT} tokens are returned")));
    }
    let model = state.model()?;
    let begun = messages.last().filter(|message| message.prefix).map(|message| &message.content);
    let begun = begun.and_then(|content| match content {
        MessageContent::Text(text) => Some(model.tokenizer.encode(text)),
        _ => None,
    });
    let answer = begun.transpose().map_err(|error| ApiError::invalid("messages", error.to_string()))?;
    let tokens = prompt(&state, messages, SamplingParams::default()).await?;
    let distributions = DistributionRequest {
        samplings: samplings.iter().map(|params| sampling(params, None)).collect(),
        count,
        answer_tokens: answer.map_or(0, |tokens| tokens.len()),
    };
    let (max_tokens, distributions) = (Some(1), Some(distributions));
    let run = run(&state, Request { tokens, max_tokens, trace: true, distributions, ..Request::default() });
    let eos = model.tokenizer.eos_tokens();
    let token = |(id, probability)| TokenProbability {
        id,
        text: model.token_text(id),
        end: eos.contains(&id),
        probability,
    };
    let distributions = run.await?.traces.into_iter().next().map(|trace| trace.distributions);
    let distributions = distributions.unwrap_or_default().into_iter();
    let distributions = distributions.map(|tokens| tokens.into_iter().map(token).collect()).collect();
    Ok(Json(NextTokenReport { distributions }))
}
