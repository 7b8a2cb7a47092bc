//! Requests to one source: redirects by hand, the access token at its own origin only, refusals told apart, and a
//! bounded wait when the source asks for fewer requests. It does not know what the answers mean.

use std::time::{Duration, SystemTime};

use reqwest::header::{self, HeaderMap, HeaderName};
use reqwest::{Client, Response, StatusCode, Url};
use serde::de::DeserializeOwned;

use crate::{HubError, Source, Timing};

const REDIRECTS: usize = 5;
/// What a source that limits without saying for how long is given.
const UNSAID_WAIT: Duration = Duration::from_secs(15);

#[derive(Clone, Copy)]
pub(crate) struct Connection<'a> {
    pub client: &'a Client,
    pub source: &'a Source,
    pub timing: Timing,
    /// Told before each wait that the source asked for.
    pub on_wait: &'a (dyn Fn(Duration) + Send + Sync),
}

/// A successful answer, and what the source said of the file where it redirected to a storage.
pub(crate) struct Got {
    pub response: Response,
    pub linked_size: Option<u64>,
    pub linked_etag: Option<String>,
}

/// How much longer one piece of work waits for a source that limits its requests.
pub(crate) struct Patience(pub Duration);

impl Connection<'_> {
    pub async fn json<T: DeserializeOwned>(&self, url: Url) -> Result<T, HubError> {
        let mut patience = Patience(self.timing.patience);
        let host = host_of(&url);
        loop {
            let asked = async {
                let response = self.get(url.clone(), &[]).await?.response;
                if is_page(&response) {
                    return Err(HubError::WebPage { host: host.clone() });
                }
                response.bytes().await.map_err(|error| HubError::network(&host, error))
            };
            match self.in_time(&host, asked).await? {
                Ok(body) => {
                    return serde_json::from_slice(&body)
                        .map_err(|error| HubError::unusable(&host, error.to_string()));
                }
                Err(error) => self.wait(&mut patience, error).await?,
            }
        }
    }

    /// A GET answered by success, after up to five redirects.
    pub async fn get(&self, mut url: Url, headers: &[(HeaderName, String)]) -> Result<Got, HubError> {
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
                let got = |response| Got { response, linked_size, linked_etag };
                return if success { Ok(got(response)) } else { Err(refusal(&response, own)) };
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

    /// Waits as the source asked and returns; any other error, or too long a wait, comes back.
    pub async fn wait(&self, patience: &mut Patience, error: HubError) -> Result<(), HubError> {
        let HubError::SourceRateLimited { wait, .. } = &error else { return Err(error) };
        let wait = wait.unwrap_or(UNSAID_WAIT).max(self.timing.back_off);
        let Some(left) = patience.0.checked_sub(wait) else { return Err(error) };
        patience.0 = left;
        tracing::info!(seconds = wait.as_secs(), "the source asks for fewer requests");
        (self.on_wait)(wait);
        tokio::time::sleep(wait).await;
        Ok(())
    }

    /// The outcome of `step`, unless it takes longer than a source may be silent.
    pub async fn in_time<T>(&self, what: &str, step: impl Future<Output = T>) -> Result<T, HubError> {
        let stalled = |_| HubError::DownloadStalled(what.to_owned());
        tokio::time::timeout(self.timing.stall, step).await.map_err(stalled)
    }
}

/// No source answers a question about a model with a page: it is the network's own, or that of a wrong address.
fn is_page(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    kind.is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/html"))
}

pub(crate) fn host_of(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (host, _) => host.unwrap_or_default().to_owned(),
    }
}

/// What a status other than success means to the person who asked. `own` is false at the storage behind a redirect.
fn refusal(response: &Response, own: bool) -> HubError {
    let header = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok());
    let (host, path) = (host_of(response.url()), response.url().path().to_owned());
    let status = response.status();
    match (status, header("x-error-code").unwrap_or_default()) {
        (StatusCode::PROXY_AUTHENTICATION_REQUIRED, _) => HubError::ProxyLogin { host },
        (StatusCode::TOO_MANY_REQUESTS, _) => {
            HubError::SourceRateLimited { host, wait: asked_wait(response.headers(), SystemTime::now()) }
        }
        // The address was signed for a short time only: a new one comes from the source itself.
        (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::GONE, _)
            if !own =>
        {
            HubError::LinkRefused { host, status: status.as_u16() }
        }
        (_, "GatedRepo") => HubError::GatedModel(path),
        // Hugging Face hides private models: without a token, 401 stands for "not found" when it says so.
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
fn asked_wait(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
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
            assert_eq!(asked_wait(&headers, now), expected.map(Duration::from_secs), "{name}: {value}");
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
