//! `/tokenize`: the tokens of a conversation, counted as an answer would encode them. The body is that of a
//! chat, the reply is vLLM's. Nothing is computed with the model.
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use protocol::TokenizeResponse;
use protocol::openai::ChatCompletionRequest;

use crate::chat;
use crate::error::ApiError;
use crate::request::body::Body;
use crate::state::AppState;

/// # Errors
/// While the model loads, and where the chat itself would be refused for another reason than its length.
pub async fn tokenize(
    State(state): State<Arc<AppState>>,
    Body(request): Body<ChatCompletionRequest>,
) -> Result<Json<TokenizeResponse>, ApiError> {
    state.check_model_name(request.model.as_deref())?;
    chat::check(&request)?;
    let model = state.model()?.clone();
    let max_model_len = model.engine.context().into();
    let tokens = chat::prompt_tokens(request, model, &state.image_fetcher).await?;
    Ok(Json(TokenizeResponse { count: tokens.len().into(), max_model_len, tokens }))
}
