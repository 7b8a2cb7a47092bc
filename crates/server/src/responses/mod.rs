//! `/v1/responses`: OpenAI's Responses API, for programs that speak nothing else. A request becomes one of
//! `chat`; the answer is written as items. Nothing is stored, so a conversation comes whole each time.
mod input;
mod request;
mod writer;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use protocol::responses::ResponsesRequest;

use self::request::{chat_request, echo};
use self::writer::ResponseWriter;
use crate::chat::ChatAnswer;
use crate::error::ApiError;
use crate::request::body::Body;
use crate::response::respond;
use crate::state::AppState;

pub async fn responses(
    State(state): State<Arc<AppState>>,
    Body(request): Body<ResponsesRequest>,
) -> Result<Response, ApiError> {
    let (streamed, echo) = (request.stream, echo(&request));
    let request = chat_request(request)?;
    let started = ChatAnswer::start(&state, request).await;
    let ChatAnswer { meta, updates, .. } = started.map_err(|error| match error.param.as_deref() {
        Some("messages") => ApiError { param: Some("input".into()), ..error },
        _ => error,
    })?;
    respond(updates, streamed, ResponseWriter::new(meta, echo)).await
}
