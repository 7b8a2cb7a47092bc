//! The Host and Origin headers that a worker without a key accepts. A page of a browser can make its own name
//! resolve to this computer (DNS rebinding) and read the answers, but its Host header still has its own name.
//! With a key such a page is refused.
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use protocol::ApiErrorCode;

use crate::error::ApiError;

/// The hosts that a request may name.
pub struct HostCheck {
    /// With a key every name is accepted: a reverse proxy or a name of the local network may be in use.
    without_key: bool,
    bound: IpAddr,
    named: Vec<String>,
}

impl HostCheck {
    pub fn new(without_key: bool, bound: IpAddr, named: &[String]) -> Self {
        Self { without_key, bound, named: named.iter().map(|name| bare(name)).collect() }
    }

    /// # Errors
    /// A host or an origin that is neither this computer nor named.
    fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
        if !self.without_key {
            return Ok(());
        }
        let mut hosts: Vec<&str> = headers.get_all(HOST).iter().map(text).collect();
        hosts.extend(uri.authority().map(|authority| authority.as_str()));
        if hosts.is_empty() {
            return Err(refused("a request without a key needs a Host header".to_owned()));
        }
        if let Some(host) = hosts.into_iter().find(|host| !self.is_known(host)) {
            let message =
                format!("without a key only localhost is allowed as a host, not {host} (--allow-host)");
            return Err(refused(message));
        }
        for origin in headers.get_all(ORIGIN).iter().map(text) {
            let host = origin.split_once("://").map(|(_, host)| host);
            if !host.is_some_and(|host| self.is_known(host)) {
                return Err(refused(format!("without a key pages of {origin} are not allowed")));
            }
        }
        Ok(())
    }

    /// `host` as in a header, with a port or without.
    fn is_known(&self, host: &str) -> bool {
        let name = bare(without_port(host));
        if let Ok(address) = name.parse::<IpAddr>() {
            let address = address.to_canonical();
            return address.is_loopback() || address == self.bound || self.named.contains(&name);
        }
        name == "localhost" || self.named.contains(&name)
    }
}

/// Without case, the dot of a fully qualified name, and the brackets of an IPv6 address.
fn bare(host: &str) -> String {
    let host = host.trim().trim_end_matches('.').to_ascii_lowercase();
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).map_or(host.clone(), str::to_owned)
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !unbracketed_v6(host) => name,
        _ => host,
    }
}

fn unbracketed_v6(host: &str) -> bool {
    !host.starts_with('[') && host.matches(':').count() > 1
}

/// A header that is not text matches no name.
fn text(value: &HeaderValue) -> &str {
    value.to_str().unwrap_or("?")
}

fn refused(message: String) -> ApiError {
    ApiError::new(ApiErrorCode::HostNotAllowed, message)
}

/// Runs before every other middleware, for `/health` too.
pub async fn check_host(State(hosts): State<Arc<HostCheck>>, request: Request, next: Next) -> Response {
    match hosts.check(request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(hosts: &HostCheck, host: &str, origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_str(host).expect("a header"));
        if let Some(origin) = origin {
            headers.insert(ORIGIN, HeaderValue::from_str(origin).expect("a header"));
        }
        hosts.check(&Uri::from_static("/v1/models"), &headers).is_ok()
    }

    #[test]
    fn only_this_computer_s_names_are_taken_without_a_key() {
        let bound = "127.0.0.1".parse().expect("an address");
        let hosts = HostCheck::new(true, bound, &["Deck.Local".to_owned(), "192.168.1.5".to_owned()]);
        for host in [
            "localhost",
            "LOCALHOST:80",
            "localhost.:8080",
            "127.0.0.1",
            "127.0.0.1:9",
            "127.8.8.8",
            "[::1]:80",
            "[::1]",
            "[::ffff:127.0.0.1]:80",
            "deck.local:1",
            "192.168.1.5:7",
        ] {
            assert!(accepts(&hosts, host, None), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:80",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "evil.example.localhost:x",
            "0.0.0.0",
            "192.168.1.6",
            "[::2]",
            "",
            "localhost:80:90",
            "x@localhost",
        ] {
            assert!(!accepts(&hosts, host, None), "{host}");
        }
        for (origin, fine) in [
            ("http://localhost:3000", true),
            ("https://deck.local", true),
            ("http://evil.example", false),
            ("null", false),
            ("chrome-extension://abc", false),
        ] {
            assert_eq!(accepts(&hosts, "localhost", Some(origin)), fine, "{origin}");
        }
        let none = hosts.check(&Uri::from_static("/"), &HeaderMap::new());
        assert!(none.is_err(), "a request that names no host");
        let absolute = Uri::from_static("http://evil.example/v1/models");
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("localhost"));
        assert!(hosts.check(&absolute, &headers).is_err(), "the address names another host than the header");
    }

    #[test]
    fn with_a_key_every_name_is_taken() {
        let hosts = HostCheck::new(false, "0.0.0.0".parse().expect("an address"), &[]);
        assert!(accepts(&hosts, "evil.example", Some("http://evil.example")));
    }
}
