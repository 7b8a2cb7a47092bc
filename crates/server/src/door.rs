//! Who may come in, how often, and the note that is made of it. The starter has a key of its own; other programs have keys with
//! names, of which a file holds hashes. The file is read again when it changes, so that a key that was taken back opens nothing
//! any more. What is asked and answered is never noted.
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use protocol::ApiErrorCode;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::error::ApiError;
use crate::request_log::{Note, RequestLog};

/// What a file of keys holds.
#[derive(Debug, Deserialize)]
struct KeyFile {
    version: u32,
    keys: Vec<NamedKey>,
}

#[derive(Debug, Clone, Deserialize)]
struct NamedKey {
    name: String,
    /// SHA-256 in hexadecimal. A key is random and long, so that its hash cannot be guessed from.
    hash: String,
    /// Seconds of the Unix clock; for ever when absent.
    expires: Option<u64>,
}

const VERSION: u32 = 1;
const MINUTE: Duration = Duration::from_secs(60);

/// How the door is kept.
#[derive(Default)]
pub struct Door {
    /// Of whoever started the worker.
    own: Option<String>,
    named: Option<Mutex<Named>>,
    /// Requests a minute of one named key.
    rate: Option<u32>,
    counts: Mutex<HashMap<String, Count>>,
    log: Option<Arc<RequestLog>>,
}

struct Named {
    path: PathBuf,
    read_at: Option<SystemTime>,
    keys: Vec<NamedKey>,
}

/// A bucket of requests that fills again over a minute.
struct Count {
    left: f64,
    at: Instant,
}

impl Door {
    pub fn new(own: Option<String>, keys: Option<PathBuf>, rate: Option<u32>, log: Option<PathBuf>) -> Self {
        let named = keys.map(|path| Mutex::new(Named { path, read_at: None, keys: Vec::new() }));
        let log = log.map(|path| Arc::new(RequestLog::new(path)));
        Self { own, named, rate, counts: Mutex::default(), log }
    }

    /// Whether anybody may come in.
    pub fn open(&self) -> bool {
        self.own.is_none() && self.named.is_none()
    }

    /// The name of whoever shows this key; empty for the starter.
    fn let_in(&self, shown: Option<&str>) -> Result<String, ApiError> {
        if self.open() {
            return Ok(String::new());
        }
        let refused = || ApiError::new(ApiErrorCode::InvalidApiKey, "the key is missing, wrong or expired");
        let shown = shown.ok_or_else(refused)?;
        if self.own.as_ref().is_some_and(|own| same(shown.as_bytes(), own.as_bytes())) {
            return Ok(String::new());
        }
        let named = self.named.as_ref().ok_or_else(refused)?;
        let name = named.lock().unwrap_or_else(PoisonError::into_inner).name_of(shown).ok_or_else(refused)?;
        self.count(&name)?;
        Ok(name)
    }

    fn count(&self, name: &str) -> Result<(), ApiError> {
        let Some(rate) = self.rate.filter(|&rate| rate > 0) else { return Ok(()) };
        let rate = f64::from(rate);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let count = counts.entry(name.to_owned()).or_insert(Count { left: rate, at: now });
        count.left =
            (count.left + now.duration_since(count.at).as_secs_f64() * rate / MINUTE.as_secs_f64()).min(rate);
        count.at = now;
        if count.left < 1.0 {
            let seconds = ((1.0 - count.left) * MINUTE.as_secs_f64() / rate).ceil() as u64;
            let message = format!("too many requests with this key; the next is answered in {seconds} s");
            return Err(ApiError::new(ApiErrorCode::RateLimited, message).after(seconds));
        }
        count.left -= 1.0;
        Ok(())
    }
}

impl Named {
    fn name_of(&mut self, shown: &str) -> Option<String> {
        self.refresh();
        let hash = hash_of(shown);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let fits = |key: &&NamedKey| {
            same(key.hash.as_bytes(), hash.as_bytes()) && key.expires.is_none_or(|expires| now < expires)
        };
        self.keys.iter().find(fits).map(|key| key.name.clone())
    }

    /// A file that is gone or cannot be read has no keys: better nobody than somebody.
    fn refresh(&mut self) {
        let changed = std::fs::metadata(&self.path).and_then(|data| data.modified()).ok();
        if changed.is_some() && changed == self.read_at {
            return;
        }
        self.read_at = changed;
        let file =
            std::fs::read(&self.path).ok().and_then(|text| serde_json::from_slice::<KeyFile>(&text).ok());
        self.keys = file.filter(|file| file.version == VERSION).map(|file| file.keys).unwrap_or_default();
    }
}

fn hash_of(key: &str) -> String {
    Sha256::digest(key.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Compares without telling by its time where the first difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |sum, (x, y)| sum | (x ^ y)) == 0
}

/// Asks for the key, counts, and notes what came of it when the answer has ended.
pub async fn guard(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let path = request.uri().path().to_owned();
    let (name, response) = match door.let_in(key_of(request.headers())) {
        Ok(name) => (name, next.run(request).await),
        Err(error) => ("?".to_owned(), error.into_response()),
    };
    // What the starter asks is its own affair.
    match &door.log {
        Some(log) if !name.is_empty() => {
            Note::new(name, path, started, response.status()).upon(response, log.clone())
        }
        _ => response,
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

/// The seconds to wait, for the head of a refusal.
pub fn retry_after(seconds: u64) -> Option<(axum::http::HeaderName, HeaderValue)> {
    HeaderValue::from_str(&seconds.to_string()).ok().map(|value| (RETRY_AFTER, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(folder: &std::path::Path, text: &str) -> PathBuf {
        let path = folder.join("keys.json");
        std::fs::write(&path, text).expect("is written");
        path
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
        let door = Door::new(Some("own".into()), Some(path.clone()), None, None);
        assert_eq!(door.let_in(Some("own")).expect("the starter"), "");
        assert_eq!(door.let_in(Some("wd-1")).expect("is known"), "laptop");
        assert_eq!(door.let_in(Some("wd-3")).expect("is known"), "new");
        for wrong in [None, Some(""), Some("wd-2"), Some("wd-4"), Some(&hash_of("wd-1"))] {
            assert_eq!(
                door.let_in(wrong).expect_err("is refused").code,
                ApiErrorCode::InvalidApiKey,
                "{wrong:?}"
            );
        }
        // Taken back while the worker runs; a file that is damaged lets nobody in.
        for text in ["{\"version\":1,\"keys\":[]}", "{\"version\":9,\"keys\":[]}", "no JSON"] {
            std::fs::write(&path, text).expect("is written");
            let later = SystemTime::now() + Duration::from_secs(text.len() as u64);
            std::fs::File::options()
                .write(true)
                .open(&path)
                .and_then(|file| file.set_modified(later))
                .expect("is set");
            assert!(door.let_in(Some("wd-1")).is_err(), "{text}");
        }
        std::fs::remove_file(&path).expect("is removed");
        assert!(door.let_in(Some("wd-1")).is_err() && door.let_in(Some("own")).is_ok());
        assert!(Door::default().let_in(None).is_ok(), "without any key it is open, on loopback only");
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
        let door = Door::new(Some("own".into()), Some(path), Some(3), None);
        for _ in 0..3 {
            door.let_in(Some("1")).expect("is within its rate");
        }
        let error = door.let_in(Some("1")).expect_err("is too often");
        assert_eq!((error.code, error.after), (ApiErrorCode::RateLimited, Some(20)));
        assert!(door.let_in(Some("2")).is_ok() && door.let_in(Some("own")).is_ok());
    }
}
