//! Pages of a browser that may use the API: those of the origins that the worker was started with, such as a
//! plugin's `app://obsidian.md`. No other page may read an answer. A key is needed as from any program.
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Seconds for which a browser keeps the answer to its question.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST");

/// The origins that are allowed, as a browser writes them.
pub struct Origins(Vec<String>);

impl Origins {
    pub fn new(named: &[String]) -> Self {
        Self(named.iter().map(|origin| origin.trim().trim_end_matches('/').to_owned()).collect())
    }

    /// The origin of a request, where it is allowed.
    fn allowed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(ORIGIN)?;
        self.0.iter().any(|named| named.as_bytes() == origin.as_bytes()).then(|| origin.clone())
    }
}

/// Answers the question that a browser asks before a request, and lets its page read the answer.
pub async fn allow_origins(State(origins): State<Arc<Origins>>, request: Request, next: Next) -> Response {
    let Some(origin) = origins.allowed(request.headers()) else { return next.run(request).await };
    let asks =
        request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if asks {
        let mut headers = HeaderMap::new();
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        if let Some(wanted) = request.headers().get(ACCESS_CONTROL_REQUEST_HEADERS) {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
        }
        (StatusCode::NO_CONTENT, headers).into_response()
    } else {
        next.run(request).await
    };
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    response.headers_mut().append(VARY, HeaderValue::from_static("Origin"));
    response
}
