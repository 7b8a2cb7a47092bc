//! `/tokenize`: the tokens of a conversation or of a text, counted as an answer would read them. The body and the reply
//! are vLLM's. Nothing is computed with the model.
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use serde_json::{Value, json};

use crate::chat::prompt_tokens;
use crate::error::{ApiError, Code};
use crate::loaded::Loaded;
use crate::reply::understood;
use crate::request::ChatRequest;
use crate::router::Shared;

/// # Errors
/// While the model loads, and where the chat itself would be refused for another reason than its length.
pub async fn tokenize(
    State(shared): State<Arc<Shared>>,
    body: Result<Json<Value>, JsonRejection>,
) -> Result<Json<Value>, ApiError> {
    let body = understood(body)?;
    let loaded = shared.loaded()?.clone();
    let context = loaded.engine.context();
    let tokens = match (body.get("messages"), body.get("prompt")) {
        (Some(_), _) => {
            let request: ChatRequest = serde_json::from_value(body)
                .map_err(|error| ApiError::invalid("messages", format!("not understood: {error}")))?;
            request.check()?;
            prompt_tokens(request, loaded, &shared.sources).await?
        }
        (None, Some(Value::String(text))) => text_tokens(text.clone(), loaded).await?,
        _ => return Err(ApiError::invalid("messages", "there are neither messages nor a prompt")),
    };
    Ok(Json(json!({"count": tokens.len(), "max_model_len": context, "tokens": tokens})))
}

async fn text_tokens(text: String, loaded: Arc<Loaded>) -> Result<Vec<u32>, ApiError> {
    let encoded = tokio::task::spawn_blocking(move || loaded.tokenizer.encode(&text));
    let failed = |error: tokio::task::JoinError| ApiError::new(Code::Internal, format!("count: {error}"));
    let refused = |error: text::TextError| ApiError::invalid("prompt", error.to_string());
    encoded.await.map_err(failed)?.map_err(refused)
}
