//! Errors as the OpenAI protocol shapes them, and failures to load as codes.
use std::borrow::Cow;

use axum::Json;
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use checkpoint::OpenError;
use models::LoadError;
use serde_json::json;

use crate::door::retry_after;
use crate::line::Failure;

/// Why a request is refused or an answer fails, as the window has words for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    InvalidApiKey,
    Loading,
    /// Not a request of this protocol, or a value outside its range.
    InvalidInput,
    ContextLengthExceeded,
    /// A part that is not text.
    UnsupportedContent,
    /// A picture that cannot be read.
    InvalidImage,
    /// An address of a picture that this worker may not read from.
    PictureNotAllowed,
    PictureNotFetched,
    /// The model's own template does not take the messages.
    ConversationRefused,
    /// The model has no tokens that mark a hole.
    FillUnsupported,
    /// A schema that is not understood, or one that leaves no way to go on.
    FormImpossible,
    EngineFailed,
    /// More requests of one key than it may make.
    RateLimited,
    /// Another model was asked for than the one that is served.
    ModelNotFound,
    /// No such address.
    NotFound,
    MethodNotAllowed,
    /// A body that does not say it is JSON.
    UnsupportedMediaType,
    RequestTooLarge,
    /// Without a key, a request that was sent to another name than this computer's.
    HostNotAllowed,
    Internal,
}

impl Code {
    #[cfg(test)]
    const ALL: [Self; 20] = [
        Self::InvalidApiKey,
        Self::Loading,
        Self::InvalidInput,
        Self::ContextLengthExceeded,
        Self::UnsupportedContent,
        Self::InvalidImage,
        Self::PictureNotAllowed,
        Self::PictureNotFetched,
        Self::ConversationRefused,
        Self::FillUnsupported,
        Self::FormImpossible,
        Self::EngineFailed,
        Self::RateLimited,
        Self::ModelNotFound,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::UnsupportedMediaType,
        Self::RequestTooLarge,
        Self::HostNotAllowed,
        Self::Internal,
    ];

    /// On the wire. Some are what OpenAI's clients know; the others are names of the message
    /// catalogue.
    fn name(self) -> &'static str {
        match self {
            Self::InvalidApiKey => "invalid_api_key",
            Self::Loading => "loading",
            Self::InvalidInput => "invalid_input",
            Self::ContextLengthExceeded => "context_length_exceeded",
            Self::UnsupportedContent => "unsupported_content",
            Self::InvalidImage => "invalid_image",
            Self::PictureNotAllowed => "picture_not_allowed",
            Self::PictureNotFetched => "picture_not_fetched",
            Self::ConversationRefused => "conversation_refused",
            Self::FillUnsupported => "fill_unsupported",
            Self::FormImpossible => "form_impossible",
            Self::EngineFailed => "engine_failed",
            Self::RateLimited => "rate_limit_exceeded",
            Self::ModelNotFound => "model_not_found",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::RequestTooLarge => "request_too_large",
            Self::HostNotAllowed => "host_not_allowed",
            Self::Internal => "internal",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::InvalidApiKey => StatusCode::UNAUTHORIZED,
            Self::Loading => StatusCode::SERVICE_UNAVAILABLE,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::ModelNotFound | Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::RequestTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::HostNotAllowed => StatusCode::FORBIDDEN,
            Self::EngineFailed | Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// A refusal of one request.
#[derive(Debug)]
pub struct ApiError {
    pub code: Code,
    pub message: String,
    pub param: Option<Cow<'static, str>>,
    /// Numbers for the words of the window, under a name of our own.
    pub whaledeck: Option<Box<serde_json::Value>>,
    /// Seconds to wait before another try.
    pub after: Option<u64>,
}

impl ApiError {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), param: None, whaledeck: None, after: None }
    }

    /// A refusal that is about one field.
    pub fn of(param: impl Into<Cow<'static, str>>, code: Code, message: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..Self::new(code, message) }
    }

    /// With the seconds to wait.
    pub fn after(self, seconds: u64) -> Self {
        Self { after: Some(seconds), ..self }
    }

    pub fn invalid(param: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::of(param, Code::InvalidInput, message)
    }

    pub fn body(&self) -> serde_json::Value {
        let kind = match self.code.status().as_u16() {
            401 => "authentication_error",
            429 => "rate_limit_error",
            400..=499 => "invalid_request_error",
            _ => "server_error",
        };
        let mut body = json!({"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code.name()}});
        if let Some(detail) = &self.whaledeck {
            body["error"]["whaledeck"] = serde_json::Value::clone(detail);
        }
        body
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.code.status(), Json(self.body())).into_response();
        response.headers_mut().extend(self.after.and_then(retry_after));
        if self.code == Code::InvalidApiKey {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// A failure to open a model's files, under the code that the window has words for.
pub fn open_failure(error: &OpenError) -> Failure {
    coded(error.failure(), error.to_string())
}

/// A failure to load what was opened.
pub fn load_failure(error: &LoadError) -> Failure {
    match error {
        LoadError::Weight(error) => coded(error.failure(), error.to_string()),
        _ => Failure { code: "model_file_invalid", message: error.to_string(), detail: json!({}) },
    }
}

fn coded(failure: checkpoint::Failure, message: String) -> Failure {
    let detail = failure.detail.into_iter().map(|(name, value)| (name.to_owned(), value.into()));
    let detail = serde_json::Value::Object(detail.collect());
    Failure { code: failure.code, message, detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_has_words_for_every_refusal() {
        let words = include_str!("../../../assets/messages/errors.toml");
        for code in Code::ALL {
            // The window tells these by other means than the code, or asks so that they do not occur.
            let key = match code {
                Code::InvalidApiKey => "worker_unreachable",
                Code::Loading => "not_loaded",
                Code::RateLimited => "endpoint_rate_limited",
                Code::ContextLengthExceeded => "prompt_too_long",
                Code::NotFound
                | Code::MethodNotAllowed
                | Code::UnsupportedMediaType
                | Code::RequestTooLarge
                | Code::HostNotAllowed => "internal",
                other => other.name(),
            };
            for language in ["en", "zh"] {
                assert!(words.contains(&format!("\n[{key}.{language}]\n")), "no words for {code:?}");
            }
        }
    }
}
