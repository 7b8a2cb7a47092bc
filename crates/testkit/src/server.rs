//! The test hub: three servers on loopback (Hugging Face, ModelScope, and the storage that both redirect to), what
//! they serve, what they do wrong and what they were asked.

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Response, StatusCode, header};
use axum::response::IntoResponse;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::fault::{Fault, Faults, What};
use crate::repository::{File, Repository};
use crate::{hugging_face, model_scope, storage};

/// One request for a file, as it came; a redirected download makes two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
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
    pub faults: Mutex<Faults>,
    requests: Mutex<Vec<Request>>,
    served: Mutex<BTreeMap<String, u64>>,
    pub hugging_face: String,
    pub model_scope: String,
    pub storage: String,
}

pub(crate) type Shared = axum::extract::State<Arc<State>>;

/// Ends with its value.
pub struct TestHub {
    state: Arc<State>,
    servers: Vec<JoinHandle<()>>,
}

impl TestHub {
    /// Serves each folder as the repository of this name, such as `owner/model`, on both hubs.
    pub async fn start(models: &[(&str, &Path)]) -> io::Result<Self> {
        let mut repositories = BTreeMap::new();
        for (name, folder) in models {
            repositories.insert((*name).to_owned(), Repository::read(folder)?);
        }
        let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let (at_hugging_face, at_model_scope, at_storage) =
            (listen().await?, listen().await?, listen().await?);
        let address =
            |listener: &TcpListener| listener.local_addr().map(|address| format!("http://{address}"));
        let state = Arc::new(State {
            repositories: Mutex::new(repositories),
            faults: Mutex::default(),
            requests: Mutex::default(),
            served: Mutex::default(),
            hugging_face: address(&at_hugging_face)?,
            model_scope: address(&at_model_scope)?,
            // Another name of the same computer: to a client, and to its cookies and tokens, another host.
            storage: format!("http://localhost:{}", at_storage.local_addr()?.port()),
        });
        let serve = |listener, router: Router<Arc<State>>| {
            let router = router.with_state(state.clone());
            tokio::spawn(async move {
                axum::serve(listener, router).await.expect("serving does not end by itself");
            })
        };
        let servers = vec![
            serve(at_hugging_face, hugging_face::routes()),
            serve(at_model_scope, model_scope::routes()),
            serve(at_storage, storage::routes()),
        ];
        Ok(Self { state, servers })
    }

    pub fn hugging_face_endpoint(&self) -> &str {
        &self.state.hugging_face
    }

    pub fn model_scope_endpoint(&self) -> &str {
        &self.state.model_scope
    }

    /// Faults of the same answer happen in the order in which they were injected.
    pub fn inject(&self, fault: Fault) {
        self.state.faults().push(fault);
    }

    /// Everything is right again from here on.
    pub fn heal(&self) {
        self.state.faults().clear();
    }

    /// Puts a new commit with this file on top of the repository; the old ones stay.
    pub fn push(&self, repository: &str, path: &str, bytes: &[u8]) {
        self.push_all(repository, [(path.to_owned(), bytes.to_vec())]);
    }

    /// Puts a new commit with all of these files on top.
    pub fn push_all(&self, repository: &str, files: impl IntoIterator<Item = (String, Vec<u8>)>) {
        let mut repositories = self.state.repositories();
        let repository = repositories.get_mut(repository).expect("it was started with this repository");
        repository.commit(files.into_iter().collect());
    }

    /// Puts a new commit on top in which a file has another name, and forgets the commits before it.
    pub fn rename(&self, repository: &str, from: &str, to: &str) {
        self.state.repositories().get_mut(repository).expect("it is known").rename(from, to);
        self.forget_history(repository);
    }

    /// The commit a repository is at.
    pub fn commit(&self, repository: &str) -> String {
        let repositories = self.state.repositories();
        repositories[repository].commits.last().expect("there is a first commit").id.clone()
    }

    /// Forgets every commit but the newest, as a rewritten history does.
    pub fn forget_history(&self, repository: &str) {
        let mut repositories = self.state.repositories();
        let commits = &mut repositories.get_mut(repository).expect("it is known").commits;
        commits.drain(..commits.len() - 1);
    }

    /// Requests for files so far.
    pub fn requests(&self) -> Vec<Request> {
        self.state.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts from nothing again.
    pub fn forget_requests(&self) {
        self.state.requests.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Bytes of files sent so far, of all of them.
    pub fn bytes_served(&self) -> u64 {
        self.state.served.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }

    /// Bytes sent of one file.
    pub fn bytes_served_of(&self, path: &str) -> u64 {
        self.state.served.lock().unwrap_or_else(PoisonError::into_inner).get(path).copied().unwrap_or(0)
    }
}

impl Drop for TestHub {
    fn drop(&mut self) {
        self.servers.iter().for_each(JoinHandle::abort);
    }
}

impl State {
    pub fn repositories(&self) -> MutexGuard<'_, BTreeMap<String, Repository>> {
        self.repositories.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn served(&self, path: &str, bytes: usize) {
        let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        *served.entry(path.to_owned()).or_default() += bytes as u64;
    }

    pub fn record(&self, method: &Method, headers: &HeaderMap, file: &str, revision: &str, at_storage: bool) {
        let text = |name| headers.get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).push(Request {
            method: method.to_string(),
            file: file.to_owned(),
            at_storage,
            revision: revision.to_owned(),
            range: text(header::RANGE).map(str::to_owned),
            authorization: text(header::AUTHORIZATION).map(str::to_owned),
        });
    }

    /// The size that a listing gives a file.
    pub fn size(&self, path: &str, file: &File) -> u64 {
        match self.faults().take(Some(path), |what| matches!(what, What::AnnouncedSize(_))) {
            Some(What::AnnouncedSize(bytes)) => bytes,
            _ => file.bytes.len() as u64,
        }
    }

    /// The refusal that was asked for, if one was; `file` is `None` for a listing.
    pub fn refusal(&self, file: Option<&str>) -> Option<Response<Body>> {
        match self.faults().take(file, |what| matches!(what, What::Page | What::Portal)) {
            Some(What::Page) => return Some(page()),
            Some(_) => {
                let there = (header::LOCATION, format!("{}/portal", self.storage));
                return Some((StatusCode::FOUND, [there]).into_response());
            }
            None => {}
        }
        let what = self.faults().take(file, |what| matches!(what, What::Status { .. }))?;
        let What::Status { status, error_code, retry_after } = what else { return None };
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

/// What the network of a hotel answers in place of everything.
pub(crate) fn page() -> Response<Body> {
    const PAGE: &str = "<html>Please sign in</html>";
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], PAGE).into_response()
}

/// A refusal with the words of the hub.
pub(crate) fn refuse(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    Response::builder()
        .status(status)
        .header("x-error-code", code)
        .header("x-error-message", message)
        .body(Body::from(serde_json::json!({ "error": message }).to_string()))
        .expect("plain headers")
}
