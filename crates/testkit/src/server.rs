//! The test hub: three servers on loopback (Hugging Face, ModelScope, and the storage that both redirect to),
//! with their repositories, pending faults and recorded requests.

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::fault::Fault;
use crate::repository::Repository;
use crate::state::{FileRequest, State};
use crate::{hugging_face, model_scope, storage};

/// Dropping it stops the servers.
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
            gated: Mutex::default(),
            faults: Mutex::default(),
            requests: Mutex::default(),
            served: Mutex::default(),
            hugging_face: address(&at_hugging_face)?,
            model_scope: address(&at_model_scope)?,
            // Another name of the same host: for clients, cookies and tokens it is another host.
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

    /// Faults of the same response happen in the order in which they were injected.
    pub fn inject(&self, fault: Fault) {
        self.state.faults().push(fault);
    }

    /// Removes all pending faults.
    pub fn clear_faults(&self) {
        self.state.faults().clear();
    }

    /// Gives the files of a repository on Hugging Face only to those who send this token.
    pub fn gate(&self, repository: &str, token: &str) {
        self.state.gated.lock().insert(repository.to_owned(), token.to_owned());
    }

    /// Adds a repository with these files.
    pub fn add(&self, name: &str, files: impl IntoIterator<Item = (String, Vec<u8>)>) {
        let repository = Repository::of(files.into_iter().collect());
        self.state.repositories().insert(name.to_owned(), repository);
    }

    /// Adds a commit with this file; the old commits remain.
    pub fn push(&self, repository: &str, path: &str, bytes: &[u8]) {
        self.push_all(repository, [(path.to_owned(), bytes.to_vec())]);
    }

    /// Adds a commit with all of these files.
    pub fn push_all(&self, repository: &str, files: impl IntoIterator<Item = (String, Vec<u8>)>) {
        let mut repositories = self.state.repositories();
        let repository = repositories.get_mut(repository).expect("it was started with this repository");
        repository.commit(files.into_iter().collect());
    }

    /// Adds a commit in which a file has another name, and removes the commits before it.
    pub fn rename(&self, repository: &str, from: &str, to: &str) {
        self.state.repositories().get_mut(repository).expect("it is known").rename(from, to);
        self.forget_history(repository);
    }

    /// The newest commit of a repository.
    pub fn commit(&self, repository: &str) -> String {
        let repositories = self.state.repositories();
        repositories[repository].commits.last().expect("there is a first commit").id.clone()
    }

    /// The ETag of a file without its quotes: the name that it has in the cache of the official client.
    pub fn etag(&self, repository: &str, path: &str) -> String {
        let repositories = self.state.repositories();
        let newest = repositories[repository].commits.last().expect("there is a first commit");
        newest.files[path].etag().trim_matches('"').to_owned()
    }

    /// Removes every commit but the newest, as a force push does.
    pub fn forget_history(&self, repository: &str) {
        let mut repositories = self.state.repositories();
        let commits = &mut repositories.get_mut(repository).expect("it is known").commits;
        commits.drain(..commits.len() - 1);
    }

    /// Requests for files so far.
    pub fn requests(&self) -> Vec<FileRequest> {
        self.state.requests.lock().clone()
    }

    /// Counts from nothing again.
    pub fn forget_requests(&self) {
        self.state.requests.lock().clear();
    }

    /// Bytes of files sent so far, of all of them.
    pub fn bytes_served(&self) -> u64 {
        self.state.served.lock().values().sum()
    }

    /// Sent bytes of one file.
    pub fn bytes_served_of(&self, path: &str) -> u64 {
        self.state.served.lock().get(path).copied().unwrap_or(0)
    }
}

impl Drop for TestHub {
    fn drop(&mut self) {
        self.servers.iter().for_each(JoinHandle::abort);
    }
}
