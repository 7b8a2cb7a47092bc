//! HTTP requests to one source: follows redirects, sends the access token only to the source's origin,
//! classifies error statuses, and waits for rate limits within a budget. It does not interpret the response
//! bodies.

use std::time::{Duration, SystemTime};

use reqwest::header::{self, HeaderMap, HeaderName};
use reqwest::{Client, Response, StatusCode, Url};
use serde::de::DeserializeOwned;

use crate::{HubError, Source, Timing};

const REDIRECTS: usize = 5;
/// Far above the listing of any published model; a body without an end does not fill the memory.
const LONGEST_JSON: usize = 32 << 20;
/// The wait for a rate limit without a duration.
const DEFAULT_WAIT: Duration = Duration::from_secs(15);

#[derive(Clone, Copy)]
pub(crate) struct Connection<'a> {
    pub client: &'a Client,
    pub source: &'a Source,
    pub timing: Timing,
    /// Called before each wait for a rate limit.
    pub on_wait: &'a (dyn Fn(Duration) + Send + Sync),
}

/// A successful response, and the size and ETag that the source announced when it redirected to a storage.
pub(crate) struct RedirectedResponse {
    pub response: Response,
    pub linked_size: Option<u64>,
    pub linked_etag: Option<String>,
}

/// The remaining time that an operation may wait for rate limits.
pub(crate) struct RateLimitBudget(pub Duration);

impl Connection<'_> {
    pub async fn json<T: DeserializeOwned>(&self, url: Url) -> Result<T, HubError> {
        let mut rate_limit_budget = RateLimitBudget(self.timing.rate_limit_budget);
        let host = host_of(&url);
        loop {
            let asked = async {
                let response = self.get(url.clone(), &[]).await?.response;
                if is_html(&response) {
                    return Err(HubError::WebPage { host: host.clone() });
                }
                self.body(response, &host).await
            };
            match self.with_stall_timeout(&host, asked).await? {
                Ok(body) => {
                    return serde_json::from_slice(&body)
                        .map_err(|error| HubError::unusable(&host, error.to_string()));
                }
                Err(error) => self.wait(&mut rate_limit_budget, error).await?,
            }
        }
    }

    async fn body(&self, mut response: Response, host: &str) -> Result<Vec<u8>, HubError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| HubError::network(host, error))? {
            body.extend_from_slice(&chunk);
            if body.len() > LONGEST_JSON {
                return Err(HubError::unusable(host, format!("its answer is over {LONGEST_JSON} bytes")));
            }
        }
        Ok(body)
    }

    /// A GET request that follows up to five redirects and requires a success status.
    pub async fn get(
        &self,
        mut url: Url,
        headers: &[(HeaderName, String)],
    ) -> Result<RedirectedResponse, HubError> {
        let (mut linked_size, mut linked_etag) = (None, None);
        for _ in 0..=REDIRECTS {
            let host = host_of(&url);
            let mut request = self.client.get(url.clone()).header(header::ACCEPT_ENCODING, "identity");
            for (name, value) in headers {
                request = request.header(name, value);
            }
            let own = self.source.owns(&url);
            if let Some(token) = self.source.token.as_deref().filter(|_| own) {
                request = request.bearer_auth(token);
            }
            let response = request.send().await.map_err(|error| HubError::network(&host, error))?;
            let location = response.headers().get(header::LOCATION).and_then(|v| v.to_str().ok());
            let Some(location) = location.filter(|_| response.status().is_redirection()) else {
                let success = response.status().is_success();
                let got = |response| RedirectedResponse { response, linked_size, linked_etag };
                return if success { Ok(got(response)) } else { Err(status_error(&response, own)) };
            };
            if own {
                let text = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok());
                linked_size = text("x-linked-size").and_then(|size| size.parse().ok());
                linked_etag = text("x-linked-etag").map(str::to_owned);
            }
            let next = url.join(location).map_err(|e| HubError::unusable(&host, format!("redirect: {e}")))?;
            if url.scheme() == "https" && next.scheme() != "https" {
                return Err(HubError::unusable(&host, "redirect from https to http"));
            }
            url = next;
        }
        Err(HubError::unusable(&host_of(&url), "too many redirects"))
    }

    /// Waits for a rate limit. Returns any other error, or the rate limit if the wait exceeds the budget.
    pub async fn wait(
        &self,
        rate_limit_budget: &mut RateLimitBudget,
        error: HubError,
    ) -> Result<(), HubError> {
        let HubError::SourceRateLimited { wait, .. } = &error else { return Err(error) };
        let wait = wait.unwrap_or(DEFAULT_WAIT).max(self.timing.back_off);
        let Some(left) = rate_limit_budget.0.checked_sub(wait) else { return Err(error) };
        rate_limit_budget.0 = left;
        tracing::info!(seconds = wait.as_secs(), "the source limits the rate of requests");
        (self.on_wait)(wait);
        tokio::time::sleep(wait).await;
        Ok(())
    }

    /// Runs `step` with the stall timeout.
    pub async fn with_stall_timeout<T>(
        &self,
        what: &str,
        step: impl Future<Output = T>,
    ) -> Result<T, HubError> {
        let stalled = |_| HubError::DownloadStalled(what.to_owned());
        tokio::time::timeout(self.timing.stall, step).await.map_err(stalled)
    }
}

/// Whether the response is HTML. No source sends HTML to an API request; it comes from a captive portal or a
/// wrong endpoint.
fn is_html(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    kind.is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/html"))
}

pub(crate) fn host_of(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (host, _) => host.unwrap_or_default().to_owned(),
    }
}

/// The error of a status other than success. `own` is false for the storage behind a redirect.
fn status_error(response: &Response, own: bool) -> HubError {
    let header = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok());
    let (host, path) = (host_of(response.url()), response.url().path().to_owned());
    let status = response.status();
    match (status, header("x-error-code").unwrap_or_default()) {
        (StatusCode::PROXY_AUTHENTICATION_REQUIRED, _) => HubError::ProxyAuth { host },
        (StatusCode::TOO_MANY_REQUESTS, _) => {
            HubError::SourceRateLimited { host, wait: retry_after(response.headers(), SystemTime::now()) }
        }
        // The signed URL has expired: the source gives a new one.
        (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::GONE, _)
            if !own =>
        {
            HubError::LinkRefused { host, status: status.as_u16() }
        }
        (_, "GatedRepo") => HubError::GatedModel(path),
        // Hugging Face hides private models: it returns 401 with this code instead of 404.
        (_, "RepoNotFound" | "RevisionNotFound" | "EntryNotFound") => HubError::NotOnSource(path),
        (StatusCode::UNAUTHORIZED, _) => HubError::TokenNeeded { host },
        (StatusCode::NOT_FOUND, _) => HubError::NotOnSource(path),
        (status, _) if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
            HubError::SourceFailed { host, status: status.as_u16() }
        }
        _ => {
            let reason = header("x-error-message").map_or_else(|| status.to_string(), str::to_owned);
            HubError::SourceRefused { host, status: status.as_u16(), reason }
        }
    }
}

/// `Retry-After` in seconds or as a date, else the `t=` of Hugging Face's `RateLimit: "resolvers";r=0;t=57`.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).map(str::trim);
    let retry_after = text("retry-after").and_then(|text| match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => Some(httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default()),
    });
    let window = || {
        let seconds = text("ratelimit")?.split(';').find_map(|part| part.trim().strip_prefix("t="))?;
        seconds.parse().ok().map(Duration::from_secs)
    };
    retry_after.or_else(window)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_is_read_from_every_known_header() {
        let check = |name: &'static str, value: &str, expected: Option<u64>| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().expect("a header"));
            let now = httpdate::parse_http_date("Tue, 24 Nov 2026 12:00:00 GMT").expect("a date");
            assert_eq!(retry_after(&headers, now), expected.map(Duration::from_secs), "{name}: {value}");
        };
        check("retry-after", "7", Some(7));
        check("retry-after", "Tue, 24 Nov 2026 12:01:30 GMT", Some(90));
        check("retry-after", "Tue, 24 Nov 2026 11:00:00 GMT", Some(0));
        check("retry-after", "soon", None);
        check("ratelimit", "\"resolvers\";r=0;t=57", Some(57));
        check("ratelimit", "\"resolvers\";r=0", None);
        check("x-other", "7", None);
    }
}
