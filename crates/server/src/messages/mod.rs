//! `/v1/messages` and `/v1/messages/count_tokens`: Anthropic's Messages API, for programs that speak nothing
//! else. A request becomes one of `chat`; the answer is written as blocks.
mod error;
mod input;
mod request;
mod writer;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use protocol::anthropic::{InputTokens, MessagesRequest};

pub use self::error::anthropic_errors;
use self::request::chat_request;
use self::writer::MessageWriter;
use crate::chat::{self, ChatAnswer};
use crate::error::ApiError;
use crate::request::body::Body;
use crate::response::respond;
use crate::state::AppState;

pub async fn messages(
    State(state): State<Arc<AppState>>,
    Body(request): Body<MessagesRequest>,
) -> Result<Response, ApiError> {
    if request.max_tokens.is_none_or(|most| most < 1) {
        return Err(ApiError::invalid("max_tokens", "max_tokens is required: 1 at least"));
    }
    let streamed = request.stream;
    let request = chat_request(request, &state.model()?.prompt_format)?;
    let ChatAnswer { meta, updates, .. } = ChatAnswer::start(&state, request).await?;
    respond(updates, streamed, MessageWriter::new(meta)).await
}

pub async fn count_tokens(
    State(state): State<Arc<AppState>>,
    Body(request): Body<MessagesRequest>,
) -> Result<Json<InputTokens>, ApiError> {
    let model = state.model()?.clone();
    let request = chat_request(request, &model.prompt_format)?;
    state.check_model_name(request.model.as_deref())?;
    chat::check(&request)?;
    let tokens = chat::prompt_tokens(request, model, &state.image_fetcher).await?;
    Ok(Json(InputTokens { input_tokens: tokens.len().into() }))
}
