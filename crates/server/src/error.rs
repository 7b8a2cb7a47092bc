//! Errors as the OpenAI API shapes them with their HTTP status, and failures to load as error codes.
//! Messages are English for the log and for programs; the app has the words for the user.
use std::borrow::Cow;
use std::sync::Arc;

use axum::Json;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use checkpoint::OpenError;
use models::LoadError;
use protocol::openai::{ErrorBody, ErrorDetail};
use protocol::{ApiErrorCode, ErrorCode, PromptSize, WorkerFailure};

/// Why one request is refused or its answer fails.
#[derive(Debug)]
pub struct ApiError {
    pub code: ApiErrorCode,
    pub message: String,
    /// Path of the field that is wrong.
    pub param: Option<Cow<'static, str>>,
    /// Of a prompt that does not fit.
    pub prompt_size: Option<PromptSize>,
    /// Seconds to wait before another request.
    pub retry_after: Option<u64>,
}

impl ApiError {
    pub fn new(code: ApiErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), param: None, prompt_size: None, retry_after: None }
    }

    /// An error of one field.
    pub fn of(param: impl Into<Cow<'static, str>>, code: ApiErrorCode, message: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..Self::new(code, message) }
    }

    /// With the seconds to wait.
    pub fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    pub fn invalid(param: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::of(param, ApiErrorCode::InvalidInput, message)
    }

    /// A field that is needed at this path.
    pub fn missing(path: &str, field: &str) -> Self {
        Self::invalid(format!("{path}.{field}"), format!("{field} is missing"))
    }

    pub fn body(&self) -> ErrorBody {
        let kind = match status(self.code).as_u16() {
            401 => "authentication_error",
            429 => "rate_limit_error",
            400..=499 => "invalid_request_error",
            _ => "server_error",
        };
        let (message, param) = (self.message.clone(), self.param.clone());
        ErrorBody {
            error: ErrorDetail { message, kind, param, code: self.code, whaledeck: self.prompt_size },
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (status(self.code), Json(self.body())).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code == ApiErrorCode::InvalidApiKey {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // For a protocol that shapes errors otherwise.
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

pub fn status(code: ApiErrorCode) -> StatusCode {
    match code {
        ApiErrorCode::InvalidApiKey => StatusCode::UNAUTHORIZED,
        ApiErrorCode::Loading => StatusCode::SERVICE_UNAVAILABLE,
        ApiErrorCode::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ApiErrorCode::ModelNotFound | ApiErrorCode::NotFound => StatusCode::NOT_FOUND,
        ApiErrorCode::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        ApiErrorCode::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ApiErrorCode::RequestTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ApiErrorCode::HostNotAllowed => StatusCode::FORBIDDEN,
        ApiErrorCode::EngineFailed | ApiErrorCode::CardLost | ApiErrorCode::Internal => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
        _ => StatusCode::BAD_REQUEST,
    }
}

/// A failure to open a model's files.
pub fn open_failure(error: &OpenError) -> WorkerFailure {
    worker_failure(error.failure(), error.to_string())
}

/// A failure to load what was opened.
pub fn load_failure(error: &LoadError) -> WorkerFailure {
    match error {
        LoadError::Weight(error) => worker_failure(error.failure(), error.to_string()),
        _ => WorkerFailure::new(ErrorCode::ModelFileInvalid, error.to_string()),
    }
}

fn worker_failure(failure: checkpoint::Failure, message: String) -> WorkerFailure {
    let detail = failure.detail.into_iter();
    detail.fold(WorkerFailure::new(failure.code, message), |failure, (name, value)| failure.with(name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_has_words_for_every_refusal() {
        let messages = include_str!("../../../assets/messages/errors.toml");
        for code in ApiErrorCode::ALL {
            let key = code.error_code();
            for language in ["en", "zh"] {
                assert!(messages.contains(&format!("\n[{key}.{language}]\n")), "no message for {code:?}");
            }
        }
    }
}
