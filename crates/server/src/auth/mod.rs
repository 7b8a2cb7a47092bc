//! Authentication: the owner key of the process that started the worker, and named API keys of other programs
//! with a rate limit. Requests of other programs are logged.
mod api_keys;
mod rate_limit;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use protocol::ApiErrorCode;

use self::api_keys::{ApiKeys, constant_time_eq};
use self::rate_limit::RateLimiter;
use crate::access_log::{AccessLog, PendingEntry};
use crate::error::ApiError;

#[derive(Default)]
pub struct Auth {
    /// Of the process that started the worker.
    owner_key: Option<String>,
    api_keys: Option<Mutex<ApiKeys>>,
    rate_limiter: RateLimiter,
    log: Option<Arc<AccessLog>>,
}

/// Who sent a request.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Caller {
    /// The process that started the worker, or anybody where no key is needed.
    Owner,
    /// Another program, by the name of its key.
    Named(String),
}

impl Auth {
    /// `rate`: requests a minute of one named key.
    pub fn new(
        owner_key: Option<String>,
        keys: Option<PathBuf>,
        rate: Option<u32>,
        log: Option<PathBuf>,
    ) -> Self {
        let api_keys = keys.map(|path| Mutex::new(ApiKeys::new(path)));
        let log = log.map(|path| Arc::new(AccessLog::new(path)));
        Self { owner_key, api_keys, rate_limiter: RateLimiter::new(rate), log }
    }

    /// Whether requests need no key.
    pub fn is_open(&self) -> bool {
        self.owner_key.is_none() && self.api_keys.is_none()
    }

    fn authenticate(&self, key: Option<&str>) -> Result<Caller, ApiError> {
        if self.is_open() {
            return Ok(Caller::Owner);
        }
        let refused = || ApiError::new(ApiErrorCode::InvalidApiKey, "the key is missing, wrong or expired");
        let key = key.ok_or_else(refused)?;
        if self.owner_key.as_ref().is_some_and(|own| constant_time_eq(key, own)) {
            return Ok(Caller::Owner);
        }
        let api_keys = self.api_keys.as_ref().ok_or_else(refused)?;
        let name = api_keys.lock().name_of(key).ok_or_else(refused)?;
        self.rate_limiter.check(&name)?;
        Ok(Caller::Named(name))
    }
}

/// Checks the key and the rate, and logs the request when its response has ended.
pub async fn authenticate(State(auth): State<Arc<Auth>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let path = request.uri().path().to_owned();
    let (name, response) = match auth.authenticate(key_of(request.headers())) {
        // Requests of the owner are not logged.
        Ok(Caller::Owner) => return next.run(request).await,
        Ok(Caller::Named(name)) => (name, next.run(request).await),
        Err(error) => ("?".to_owned(), error.into_response()),
    };
    match &auth.log {
        Some(log) => PendingEntry::new(name, path, started, response.status()).attach(response, log.clone()),
        None => response,
    }
}

/// As OpenAI's clients send it, the scheme in any case (RFC 9110), or as Anthropic's and Azure's do.
fn key_of(headers: &HeaderMap) -> Option<&str> {
    match headers.get(AUTHORIZATION) {
        Some(value) => {
            let value = value.to_str().ok()?;
            let (scheme, key) = value.trim().split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
        }
        None => headers.get("x-api-key").or_else(|| headers.get("api-key"))?.to_str().ok(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::api_keys::hash_of;
    use super::*;

    fn keys(folder: &std::path::Path, text: &str) -> PathBuf {
        let path = folder.join("keys.json");
        std::fs::write(&path, text).expect("is written");
        path
    }

    fn named(name: &str) -> Caller {
        Caller::Named(name.to_owned())
    }

    #[test]
    fn named_keys_open_until_they_expire_or_are_taken_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let entry = |name: &str, key: &str, expires: &str| {
            format!("{{\"name\":\"{name}\",\"hash\":\"{}\",\"expires\":{expires}}}", hash_of(key))
        };
        let all =
            [entry("laptop", "wd-1", "null"), entry("old", "wd-2", "1"), entry("new", "wd-3", "99999999999")];
        let path = keys(folder.path(), &format!("{{\"version\":1,\"keys\":[{}]}}", all.join(",")));
        let auth = Auth::new(Some("own".into()), Some(path.clone()), None, None);
        assert_eq!(auth.authenticate(Some("own")).expect("the owner"), Caller::Owner);
        assert_eq!(auth.authenticate(Some("wd-1")).expect("is known"), named("laptop"));
        assert_eq!(auth.authenticate(Some("wd-3")).expect("is known"), named("new"));
        for wrong in [None, Some(""), Some("wd-2"), Some("wd-4"), Some(&*hash_of("wd-1"))] {
            let code = auth.authenticate(wrong).expect_err("is refused").code;
            assert_eq!(code, ApiErrorCode::InvalidApiKey, "{wrong:?}");
        }
        // Removed while the worker runs; a file that is damaged has no key.
        for text in ["{\"version\":1,\"keys\":[]}", "{\"version\":9,\"keys\":[]}", "no JSON"] {
            std::fs::write(&path, text).expect("is written");
            let later = SystemTime::now() + Duration::from_secs(text.len() as u64);
            std::fs::File::options()
                .write(true)
                .open(&path)
                .and_then(|file| file.set_modified(later))
                .expect("is set");
            assert!(auth.authenticate(Some("wd-1")).is_err(), "{text}");
        }
        std::fs::remove_file(&path).expect("is removed");
        assert!(auth.authenticate(Some("wd-1")).is_err() && auth.authenticate(Some("own")).is_ok());
        assert!(Auth::default().authenticate(None).is_ok(), "without any key it is open, on loopback only");
    }

    #[test]
    fn each_key_has_a_rate_of_its_own_and_the_starter_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let both = format!(
            "{{\"name\":\"a\",\"hash\":\"{}\"}},{{\"name\":\"b\",\"hash\":\"{}\"}}",
            hash_of("1"),
            hash_of("2")
        );
        let path = keys(folder.path(), &format!("{{\"version\":1,\"keys\":[{both}]}}"));
        let auth = Auth::new(Some("own".into()), Some(path), Some(3), None);
        for _ in 0..3 {
            auth.authenticate(Some("1")).expect("is within its rate");
        }
        let error = auth.authenticate(Some("1")).expect_err("is too often");
        assert_eq!((error.code, error.retry_after), (ApiErrorCode::RateLimited, Some(20)));
        assert!(auth.authenticate(Some("2")).is_ok() && auth.authenticate(Some("own")).is_ok());
    }
}
