//! The body of a POST, as an axum extractor: content type, size, JSON, fields. Each fault is an error of the
//! protocol.
use axum::body::Body as HttpBody;
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use futures_util::StreamExt;
use protocol::anthropic::MessagesRequest;
use protocol::openai::{ChatCompletionRequest, CompletionRequest, SamplingParams};
use protocol::responses::ResponsesRequest;
use protocol::{AllExpertsRequest, ApiErrorCode, NextTokenRequest, PromptRoutingRequest};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::fields::{self, FieldError, UnknownField};
use super::other_fields;
use crate::error::ApiError;

/// A request, whose object may hold the sampling parameters too.
pub trait RequestBody: DeserializeOwned {
    const MAX_BYTES: usize;
    const HAS_SAMPLING: bool = true;

    fn with_sampling(self, sampling: SamplingParams) -> Self;
}

impl RequestBody for ChatCompletionRequest {
    /// A chat sends its images with every turn.
    const MAX_BYTES: usize = 64 << 20;

    fn with_sampling(self, sampling: SamplingParams) -> Self {
        Self { sampling, ..self }
    }
}

impl RequestBody for CompletionRequest {
    /// Several times the max_bytes context of text.
    const MAX_BYTES: usize = 16 << 20;

    fn with_sampling(self, sampling: SamplingParams) -> Self {
        Self { sampling, ..self }
    }
}

macro_rules! without_sampling {
    ($max_bytes:expr, $($request:ty)*) => {
        $(impl RequestBody for $request {
            const MAX_BYTES: usize = $max_bytes;
            const HAS_SAMPLING: bool = false;

            fn with_sampling(self, _: SamplingParams) -> Self {
                self
            }
        })*
    };
}

without_sampling!(1 << 20, NextTokenRequest PromptRoutingRequest AllExpertsRequest);
// Their sampling parameters are fields of their own; images come with every turn.
without_sampling!(64 << 20, MessagesRequest ResponsesRequest);

/// A body that is too long is read up to here all the same: a client that is still sending does not read the
/// error.
const MAX_DRAINED: usize = 512 << 20;

pub struct Body<T>(pub T);

impl<T: RequestBody, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        // A page of a browser may send text anywhere without asking first, and JSON only after asking.
        if !is_json(request.headers()) {
            let message = "the body must be JSON with the header Content-Type: application/json";
            return Err(ApiError::new(ApiErrorCode::UnsupportedMediaType, message));
        }
        let bytes = bytes(request.into_body(), T::MAX_BYTES).await?;
        let value: Value = serde_json::from_slice(&bytes).map_err(|error| {
            ApiError::new(ApiErrorCode::InvalidInput, format!("the body is not JSON: {error}"))
        })?;
        parse(&value).map(Self)
    }
}

async fn bytes(body: HttpBody, max_bytes: usize) -> Result<Vec<u8>, ApiError> {
    let (mut all, mut length, mut chunks) = (Vec::new(), 0, body.into_data_stream());
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| {
            ApiError::new(ApiErrorCode::InvalidInput, format!("the body was not received: {error}"))
        })?;
        length += chunk.len();
        if length <= max_bytes {
            all.extend_from_slice(&chunk);
        } else if length > MAX_DRAINED {
            break;
        } else {
            all = Vec::new();
        }
    }
    if length > max_bytes {
        let message = format!("the body is larger than the limit of {} MiB", max_bytes >> 20);
        return Err(ApiError::new(ApiErrorCode::RequestTooLarge, message));
    }
    Ok(all)
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

fn parse<T: RequestBody>(value: &Value) -> Result<T, ApiError> {
    if !value.is_object() {
        return Err(ApiError::new(ApiErrorCode::InvalidInput, "the body must be a JSON object"));
    }
    let (sampling, unread) = fields::read::<SamplingParams>(value).map_err(refused)?;
    let (body, unknown) = fields::read::<T>(value).map_err(refused)?;
    if !T::HAS_SAMPLING {
        unknown.iter().try_for_each(other_fields::check)?;
        return Ok(body);
    }
    // Both are read from one object, so that each lists the fields of the other.
    let outer = |field: &UnknownField| field.path == field.name;
    let neither = unknown
        .iter()
        .filter(|field| !outer(field) || unread.iter().any(|other| outer(other) && other.name == field.name));
    for field in neither.chain(unread.iter().filter(|field| !outer(field))) {
        other_fields::check(field)?;
    }
    Ok(body.with_sampling(sampling))
}

fn refused(error: FieldError) -> ApiError {
    let message = error.to_string();
    if error.path.is_empty() {
        ApiError::new(ApiErrorCode::InvalidInput, message)
    } else {
        ApiError::invalid(error.path, message)
    }
}
