//! Error responses of services as one of a few reasons. Services differ in where the code and the message
//! are, so several places are read. A key that a service repeats in its message is removed.
use std::time::{Duration, SystemTime};

use outbound::{ConnectFailure, Outbound};
use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};
use serde_json::Value;

use crate::EndpointError;
use crate::error::Step;

/// Bytes of an error body; the rest is not read.
pub(crate) const ERROR_LIMIT: usize = 64 << 10;
/// Characters of a service's own message that are shown and stored.
const MESSAGE_LIMIT: usize = 500;

/// The error of a response: from its status, headers and body, without the key.
pub(crate) fn refused(status: u16, headers: &HeaderMap, body: &str, key: Option<&str>) -> EndpointError {
    let info = ErrorInfo::read(body);
    let message = hide(&info.message, key);
    match (status, info.code.as_str()) {
        (300..=399, _) => {
            let to = headers.get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default();
            EndpointError::Moved { to: hide(to, key) }
        }
        (402, _)
        | (_, "insufficient_quota" | "insufficient_balance" | "Arrearage" | "AccountOverdueError") => {
            EndpointError::NoCredit { message }
        }
        (401 | 403, _) => EndpointError::Unauthorized,
        (429, _) => EndpointError::RateLimited { retry_after: retry_after(headers, SystemTime::now()) },
        (_, "context_length_exceeded") => {
            EndpointError::ContextLength { tokens: info.tokens, context: info.context, message }
        }
        (503, "loading") => EndpointError::Loading,
        (_, code) => EndpointError::Server { status, code: hide(code, key), message },
    }
}

/// An error event in the middle of a stream.
pub(crate) fn in_stream(error: &Value, key: Option<&str>) -> EndpointError {
    let info = ErrorInfo::of(error);
    // OpenRouter puts the status of the service behind it here.
    if let Ok(status @ 400..600) = info.code.parse::<u16>() {
        return refused(status, &HeaderMap::new(), &error.to_string(), key);
    }
    EndpointError::Server { status: 200, code: hide(&info.code, key), message: hide(&info.message, key) }
}

#[derive(Default)]
struct ErrorInfo {
    code: String,
    message: String,
    tokens: Option<u64>,
    context: Option<u64>,
}

impl ErrorInfo {
    fn read(body: &str) -> Self {
        match serde_json::from_str::<Value>(body) {
            Ok(reply) => {
                Self::of(["error", "errors"].iter().find_map(|name| reply.get(name)).unwrap_or(&reply))
            }
            // An HTML page of a proxy in between has no message to show.
            Err(_) if body.trim_start().starts_with('<') => Self::default(),
            Err(_) => Self { message: truncated(body.trim()), ..Self::default() },
        }
    }

    fn of(error: &Value) -> Self {
        if let Some(text) = error.as_str() {
            return Self { message: truncated(text), ..Self::default() };
        }
        let text = |names: &[&str]| {
            names.iter().find_map(|name| match &error[*name] {
                Value::String(text) if !text.is_empty() => Some(text.clone()),
                number @ Value::Number(_) => Some(number.to_string()),
                _ => None,
            })
        };
        let size = |name: &str| error["whaledeck"][name].as_u64();
        Self {
            code: truncated(&text(&["code", "type"]).unwrap_or_default()),
            message: truncated(&text(&["message", "msg", "detail"]).unwrap_or_default()),
            tokens: size("tokens"),
            context: size("context"),
        }
    }
}

fn truncated(text: &str) -> String {
    text.chars().take(MESSAGE_LIMIT).collect()
}

fn hide(text: &str, key: Option<&str>) -> String {
    match key {
        Some(key) if !key.is_empty() => text.replace(key, "…"),
        _ => text.to_owned(),
    }
}

/// Seconds to wait, from a number or from a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<u64> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(seconds);
    }
    let wait = httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or(Duration::ZERO);
    // A part of a second counts as one.
    Some(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
}

/// The step at which a connection failed.
pub(crate) fn step_of(outbound: &Outbound, error: &reqwest::Error) -> Step {
    match outbound.connect_failure(error) {
        ConnectFailure::Proxy => Step::Proxy,
        ConnectFailure::ProxyAuth => Step::ProxyLogin,
        ConnectFailure::Dns => Step::Name,
        ConnectFailure::Tls => Step::Tls,
        ConnectFailure::Connect => Step::Connect,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_a_number_or_a_date() {
        let now = httpdate::parse_http_date("Wed, 25 Nov 2026 20:00:00 GMT").expect("is a date");
        for (value, wait) in [
            ("7", Some(7)),
            ("Wed, 25 Nov 2026 20:01:30 GMT", Some(90)),
            ("Wed, 25 Nov 2026 19:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, value.parse().expect("a header"))]);
            assert_eq!(retry_after(&headers, now), wait, "{value}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn each_service_s_words_are_found() {
        let server = |status, code: &str, message: &str| EndpointError::Server {
            status,
            code: code.into(),
            message: message.into(),
        };
        for (status, body, error) in [
            (
                400,
                r#"{"error":{"message":"no such model","type":"invalid_request_error","code":null}}"#,
                server(400, "invalid_request_error", "no such model"),
            ),
            (
                400,
                r#"{"code":20012,"message":"Model does not exist","data":null}"#,
                server(400, "20012", "Model does not exist"),
            ),
            (404, r#"{"detail":"Not Found"}"#, server(404, "", "Not Found")),
            (500, r#"{"error":"down"}"#, server(500, "", "down")),
            (502, "<html>bad gateway</html>", server(502, "", "")),
            (503, "busy with sk-mine", server(503, "", "busy with …")),
            (402, "", EndpointError::NoCredit { message: String::new() }),
            (
                429,
                r#"{"error":{"code":"insufficient_quota","message":"top up"}}"#,
                EndpointError::NoCredit { message: "top up".into() },
            ),
            (403, "", EndpointError::Unauthorized),
        ] {
            assert_eq!(refused(status, &HeaderMap::new(), body, Some("sk-mine")), error, "{body}");
        }
        let long = "x".repeat(10_000);
        let EndpointError::Server { message, .. } = refused(500, &HeaderMap::new(), &long, None) else {
            panic!("is one")
        };
        assert_eq!(message.len(), MESSAGE_LIMIT);
    }
}
