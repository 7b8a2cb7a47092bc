//! The state of the test hub: repositories, pending faults, recorded requests and counters of sent bytes.
//! Handlers of both sources and of the storage share it; a test reads it through `TestHub`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Response, StatusCode, header};
use axum::response::IntoResponse;
use parking_lot::{Mutex, MutexGuard};

use crate::fault::{FaultKind, Faults};
use crate::repository::{File, Repository};

/// A recorded request for a file; a redirected download makes two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRequest {
    pub method: String,
    /// The file's path in its repository.
    pub file: String,
    /// False for the source itself.
    pub at_storage: bool,
    pub revision: String,
    pub range: Option<String>,
    pub authorization: Option<String>,
}

pub(crate) struct State {
    pub repositories: Mutex<BTreeMap<String, Repository>>,
    /// Gated repositories, each with the token that opens it.
    pub gated: Mutex<BTreeMap<String, String>>,
    pub faults: Mutex<Faults>,
    pub requests: Mutex<Vec<FileRequest>>,
    pub served: Mutex<BTreeMap<String, u64>>,
    pub hugging_face: String,
    pub model_scope: String,
    pub storage: String,
}

pub(crate) type Shared = axum::extract::State<Arc<State>>;

impl State {
    pub fn repositories(&self) -> MutexGuard<'_, BTreeMap<String, Repository>> {
        self.repositories.lock()
    }

    pub fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock()
    }

    /// The names of repositories that contain every word of a text, in any letter case.
    pub fn search(&self, text: &str) -> Vec<String> {
        let has = |name: &String| {
            let name = name.to_ascii_lowercase();
            text.to_ascii_lowercase().split_whitespace().all(|word| name.contains(word))
        };
        self.repositories().keys().filter(|name| has(name)).cloned().collect()
    }

    pub fn is_gated(&self, repository: &str) -> bool {
        self.gated.lock().contains_key(repository)
    }

    pub fn count_served(&self, path: &str, bytes: usize) {
        let mut served = self.served.lock();
        *served.entry(path.to_owned()).or_default() += bytes as u64;
    }

    pub fn record(&self, method: &Method, headers: &HeaderMap, file: &str, revision: &str, at_storage: bool) {
        let text = |name| headers.get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
        self.requests.lock().push(FileRequest {
            method: method.to_string(),
            file: file.to_owned(),
            at_storage,
            revision: revision.to_owned(),
            range: text(header::RANGE).map(str::to_owned),
            authorization: text(header::AUTHORIZATION).map(str::to_owned),
        });
    }

    /// The size of a file in listings.
    pub fn size(&self, path: &str, file: &File) -> u64 {
        match self.faults().take(Some(path), |kind| matches!(kind, FaultKind::ListedSize(_))) {
            Some(FaultKind::ListedSize(bytes)) => bytes,
            _ => file.bytes.len() as u64,
        }
    }

    /// The error response of a pending fault; `file` is `None` for a listing.
    pub fn injected_error(&self, file: Option<&str>) -> Option<Response<Body>> {
        match self.faults().take(file, |kind| matches!(kind, FaultKind::LoginPage | FaultKind::CaptivePortal))
        {
            Some(FaultKind::LoginPage) => return Some(page()),
            Some(_) => {
                let location = (header::LOCATION, format!("{}/portal", self.storage));
                return Some((StatusCode::FOUND, [location]).into_response());
            }
            None => {}
        }
        let kind = self.faults().take(file, |kind| matches!(kind, FaultKind::Status { .. }))?;
        let FaultKind::Status { status, error_code, retry_after } = kind else { return None };
        let mut response = Response::builder().status(status);
        if let Some(code) = error_code {
            response = response.header("x-error-code", code);
        }
        if let Some(seconds) = retry_after {
            response = response.header(header::RETRY_AFTER, seconds);
        }
        Some(response.body(Body::empty()).expect("plain headers"))
    }
}

/// The login page of a captive portal.
pub(crate) fn page() -> Response<Body> {
    const PAGE: &str = "<html>Please sign in</html>";
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], PAGE).into_response()
}

/// An error response in the format of Hugging Face.
pub(crate) fn error_response(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    Response::builder()
        .status(status)
        .header("x-error-code", code)
        .header("x-error-message", message)
        .body(Body::from(serde_json::json!({ "error": message }).to_string()))
        .expect("plain headers")
}
