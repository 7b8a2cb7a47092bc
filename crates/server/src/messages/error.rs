//! Errors as Anthropic's API shapes them, for every refusal of its routes: also those of the key, of the
//! host and of the body, which are made before a handler runs.
use std::sync::Arc;

use axum::Json;
use axum::extract::Request;
use axum::http::header::CONTENT_LENGTH;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use protocol::ApiErrorCode;
use protocol::anthropic::{ErrorDetail, MessageEvent};

use crate::error::{ApiError, status};

/// Anthropic's own words for a prompt that does not fit, by which clients know that they must shorten it.
fn message(error: &ApiError) -> String {
    match (error.code, error.prompt_size) {
        (ApiErrorCode::ContextLengthExceeded, Some(size)) => {
            format!("prompt is too long: {} tokens > {} maximum", size.tokens.0, size.context.0)
        }
        _ => error.message.clone(),
    }
}

/// The event of a stream that failed, which is also the body of a refusal.
pub fn error_event(error: &ApiError) -> MessageEvent {
    let kind = match status(error.code).as_u16() {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        503 => "overloaded_error",
        _ => "api_error",
    };
    MessageEvent::Error { error: ErrorDetail { kind, message: message(error) } }
}

/// Gives every refusal of `/v1/messages` and the routes under it Anthropic's shape.
pub async fn anthropic_errors(request: Request, next: Next) -> Response {
    let ours = request.uri().path().starts_with("/v1/messages");
    let mut response = next.run(request).await;
    let error = response.extensions_mut().remove::<Arc<ApiError>>();
    let Some(error) = error.filter(|_| ours) else { return response };
    let body = Json(error_event(&error)).into_response();
    let (mut head, _) = response.into_parts();
    head.headers.remove(CONTENT_LENGTH);
    Response::from_parts(head, body.into_body())
}
