//! The body of a POST, as an axum extractor: its type, its size, its JSON, its fields. Each fault is an answer of the protocol.
use axum::body::Body as HttpBody;
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use futures_util::StreamExt;
use protocol::ApiErrorCode;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::ApiError;
use crate::fields::{self, FieldError, UnknownField};
use crate::options::Options;
use crate::other_fields;

/// A request whose fields stand beside the shared ones.
pub trait RequestBody: DeserializeOwned {
    /// Bytes.
    const LONGEST: usize;

    fn with_options(self, options: Options) -> Self;
}

/// Of a body that is too long, so much is read all the same: who is still sending does not see an answer.
const MOST_DRAINED: usize = 512 << 20;

pub struct Body<T>(pub T);

impl<T: RequestBody, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        // A page of a browser may send text anywhere without asking first, and JSON only after asking.
        if !is_json(request.headers()) {
            let message = "the body is JSON, and the header says so: Content-Type: application/json";
            return Err(ApiError::new(ApiErrorCode::UnsupportedMediaType, message));
        }
        let bytes = bytes(request.into_body(), T::LONGEST).await?;
        let value: Value = serde_json::from_slice(&bytes).map_err(|error| {
            ApiError::new(ApiErrorCode::InvalidInput, format!("the body is not JSON: {error}"))
        })?;
        parse(&value).map(Self)
    }
}

async fn bytes(body: HttpBody, longest: usize) -> Result<Vec<u8>, ApiError> {
    let (mut all, mut length, mut chunks) = (Vec::new(), 0, body.into_data_stream());
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| {
            ApiError::new(ApiErrorCode::InvalidInput, format!("the body did not arrive: {error}"))
        })?;
        length += chunk.len();
        if length <= longest {
            all.extend_from_slice(&chunk);
        } else if length > MOST_DRAINED {
            break;
        } else {
            all = Vec::new();
        }
    }
    if length > longest {
        let message = format!("the body is larger than the {} MiB that this worker takes", longest >> 20);
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
        return Err(ApiError::new(ApiErrorCode::InvalidInput, "the body is a JSON object"));
    }
    let (options, unread) = fields::read::<Options>(value).map_err(refused)?;
    let (body, unknown) = fields::read::<T>(value).map_err(refused)?;
    // Both are read from one object, so that each lists the fields of the other.
    let outer = |field: &UnknownField| field.path == field.name;
    let neither = unknown
        .iter()
        .filter(|field| !outer(field) || unread.iter().any(|other| outer(other) && other.name == field.name));
    for field in neither.chain(unread.iter().filter(|field| !outer(field))) {
        other_fields::check(field)?;
    }
    Ok(body.with_options(options))
}

fn refused(error: FieldError) -> ApiError {
    let message = error.to_string();
    if error.path.is_empty() {
        ApiError::new(ApiErrorCode::InvalidInput, message)
    } else {
        ApiError::invalid(error.path, message)
    }
}
