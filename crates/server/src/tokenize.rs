//! `/tokenize`: the tokens of a conversation, counted as an answer would read them. The body is that of a chat, the reply is
//! vLLM's. Nothing is computed with the model.
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::body::Body;
use crate::chat::prompt_tokens;
use crate::error::ApiError;
use crate::request::ChatRequest;
use crate::router::Shared;

/// # Errors
/// While the model loads, and where the chat itself would be refused for another reason than its length.
pub async fn tokenize(
    State(shared): State<Arc<Shared>>,
    Body(request): Body<ChatRequest>,
) -> Result<Json<Value>, ApiError> {
    shared.serves(request.model.as_deref())?;
    request.check()?;
    let loaded = shared.loaded()?.clone();
    let context = loaded.engine.context();
    let tokens = prompt_tokens(request, loaded, &shared.sources).await?;
    Ok(Json(json!({"count": tokens.len(), "max_model_len": context, "tokens": tokens})))
}
