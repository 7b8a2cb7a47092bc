//! Downloads models, checks every byte against what the source announced, and keeps the folder of them.
//! It does not know which models are worth having, nor how they are run.

mod source;
mod store;
mod transfer;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use reqwest::{Client, redirect::Policy};
pub use source::{RemoteFile, Source, SourceKind, check_path};
pub use store::{Installed, Manifest, ManifestFile, installed, remove};
pub use tokio_util::sync::CancellationToken;
pub use transfer::Timing;
use transfer::{Transfer, hash_file, hex, part_path};

const FILES_AT_ONCE: usize = 4;

#[derive(Debug, thiserror::Error)]
pub enum HubError {
    #[error("no connection to the source: {0}")]
    NoNetwork(String),
    #[error("the source refused: {0}")]
    SourceRefused(String),
    #[error("the source asks for fewer requests")]
    SourceRateLimited,
    #[error("not on this source: {0}")]
    NotOnSource(String),
    #[error("access has to be granted first: {0}")]
    GatedModel(String),
    #[error("wrong content: {0}")]
    HashMismatch(String),
    #[error("wrong size: {path} has {got} bytes instead of {expected}")]
    SizeMismatch { path: String, expected: u64, got: u64 },
    #[error("disk full: {needed} bytes needed, {free} free")]
    DiskFull { needed: u64, free: u64 },
    #[error("the download stalled: {0}")]
    DownloadStalled(String),
    #[error("cancelled")]
    Cancelled,
    #[error("file system: {0}")]
    Io(#[from] std::io::Error),
}

impl HubError {
    pub(crate) fn network(error: reqwest::Error) -> Self {
        // The address may be a signed one, which is nobody else's business.
        let error = error.without_url();
        let cause = std::error::Error::source(&error).map(|c| format!(": {c}")).unwrap_or_default();
        Self::NoNetwork(format!("{error}{cause}"))
    }

    fn is_transient(&self) -> bool {
        matches!(self, Self::NoNetwork(_) | Self::DownloadStalled(_) | Self::SizeMismatch { .. })
    }
}

#[derive(Debug, Clone)]
pub struct Job {
    /// The folder's name under the models folder.
    pub id: String,
    pub source: Source,
    pub repo: String,
    /// Which files, with `*` and `?`; none means all.
    pub globs: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    pub id: String,
    pub done_bytes: u64,
    pub total_bytes: u64,
    pub done_files: usize,
    pub total_files: usize,
}

pub type OnProgress = Arc<dyn Fn(Progress) + Send + Sync>;
pub type FreeSpace = Arc<dyn Fn(&Path) -> std::io::Result<u64> + Send + Sync>;

#[derive(Clone)]
pub struct Hub {
    models_dir: PathBuf,
    client: Client,
    timing: Timing,
    free_space: FreeSpace,
}

impl Hub {
    pub fn new(models_dir: impl Into<PathBuf>) -> Result<Self, HubError> {
        let client = Client::builder()
            .redirect(Policy::none())
            .connect_timeout(std::time::Duration::from_secs(20))
            .user_agent(concat!("whaledeck/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(HubError::network)?;
        let free_space: FreeSpace = Arc::new(|dir| fs4::available_space(dir));
        Ok(Self { models_dir: models_dir.into(), client, timing: Timing::default(), free_space })
    }

    pub fn with_timing(self, timing: Timing) -> Self {
        Self { timing, ..self }
    }

    pub fn with_free_space(self, free_space: FreeSpace) -> Self {
        Self { free_space, ..self }
    }

    /// The files `download` would fetch.
    pub async fn list(&self, job: &Job) -> Result<Vec<RemoteFile>, HubError> {
        let listing = job.source.list(&self.client, &job.repo);
        let listed = tokio::time::timeout(self.timing.stall, listing).await;
        let mut files = listed.map_err(|_| HubError::DownloadStalled(job.repo.clone()))??;
        files.retain(|f| job.globs.is_empty() || job.globs.iter().any(|g| matches_glob(g, &f.path)));
        if files.is_empty() {
            return Err(HubError::NotOnSource(format!("{} has no matching files", job.repo)));
        }
        if files.iter().any(|f| f.path == store::MANIFEST) {
            return Err(HubError::SourceRefused(format!("{} is a reserved name", store::MANIFEST)));
        }
        Ok(files)
    }

    /// Fetches what is missing. After an error or a cancel, the next call goes on from the same bytes.
    pub async fn download(
        &self,
        job: Job,
        on_progress: OnProgress,
        cancel: CancellationToken,
    ) -> Result<Installed, HubError> {
        let dir = store::model_dir(&self.models_dir, &job.id)?;
        let files = tokio::select! {
            () = cancel.cancelled() => return Err(HubError::Cancelled),
            files = self.list(&job) => files?,
        };
        tokio::fs::create_dir_all(&dir).await?;

        let mut ready = HashMap::new();
        let mut needed = 0;
        for file in &files {
            if cancel.is_cancelled() {
                return Err(HubError::Cancelled);
            }
            if let Some(sha256) = in_place(&dir, file).await? {
                ready.insert(file.path.clone(), sha256);
            } else {
                let part = tokio::fs::metadata(part_path(&dir, &file.path)).await;
                needed += file.size.saturating_sub(part.map_or(0, |m| m.len()));
            }
        }
        let free = (self.free_space)(&dir)?;
        if needed > free {
            return Err(HubError::DiskFull { needed, free });
        }
        let pending: Vec<_> = files.iter().filter(|f| !ready.contains_key(&f.path)).collect();
        if !pending.is_empty() {
            // From here until the new manifest, the folder does not count as installed.
            store::drop_manifest(&dir)?;
        }

        let tally = Tally::new(&job.id, &files, &ready, on_progress);
        let stop = cancel.child_token();
        // Boxed one by one: a closure over borrowed files would not be general enough for a spawned task.
        let mut transfers: Vec<BoxFuture<'_, Result<(String, String), HubError>>> = Vec::new();
        for file in pending {
            let (job, dir, stop, tally) = (&job, &dir, &stop, &tally);
            transfers.push(Box::pin(async move {
                let on_bytes = move |bytes: u64| tally.set(&file.path, bytes, false);
                let transfer = Transfer {
                    client: &self.client,
                    source: &job.source,
                    repo: &job.repo,
                    file,
                    dir,
                    timing: self.timing,
                    cancel: stop,
                    on_bytes: &on_bytes,
                };
                let sha256 = transfer.run().await?;
                tally.set(&file.path, file.size, true);
                Ok((file.path.clone(), sha256))
            }));
        }
        let mut transfers = futures_util::stream::iter(transfers).buffer_unordered(FILES_AT_ONCE);
        let mut first_error = None;
        while let Some(outcome) = transfers.next().await {
            match outcome {
                Ok((path, sha256)) => {
                    ready.insert(path, sha256);
                }
                Err(error) => {
                    // The others stop too, but each gets to put its part file in order.
                    stop.cancel();
                    first_error.get_or_insert(error);
                }
            }
        }
        drop(transfers);
        match first_error {
            Some(HubError::Io(e)) if e.kind() == std::io::ErrorKind::StorageFull => {
                return Err(HubError::DiskFull { needed, free: (self.free_space)(&dir).unwrap_or(0) });
            }
            Some(error) => return Err(error),
            None => {}
        }

        let entries: Vec<_> = files
            .into_iter()
            .filter_map(|f| {
                let sha256 = ready.remove(&f.path)?;
                Some(ManifestFile { path: f.path, size: f.size, sha256 })
            })
            .collect();
        let bytes = entries.iter().map(|f| f.size).sum();
        Manifest::new(job.repo, job.source.kind, entries).write(&dir)?;
        Ok(Installed { id: job.id, dir, bytes })
    }
}

/// The hash of a file already at its final name, if it is the announced one.
async fn in_place(dir: &Path, file: &RemoteFile) -> Result<Option<String>, HubError> {
    let path = dir.join(&file.path);
    if !tokio::fs::metadata(&path).await.is_ok_and(|m| m.is_file() && m.len() == file.size) {
        return Ok(None);
    }
    use sha2::Digest;
    let sha256 = hex(&hash_file(path).await?.1.finalize());
    let wrong = file.sha256.as_ref().is_some_and(|want| !want.eq_ignore_ascii_case(&sha256));
    Ok((!wrong).then_some(sha256))
}

/// Adds the files' bytes up for whoever watches.
struct Tally {
    state: Mutex<(HashMap<String, u64>, Progress)>,
    on_progress: OnProgress,
}

impl Tally {
    fn new(id: &str, files: &[RemoteFile], ready: &HashMap<String, String>, on_progress: OnProgress) -> Self {
        let done = files.iter().filter(|f| ready.contains_key(&f.path));
        let progress = Progress {
            id: id.to_owned(),
            done_bytes: done.map(|f| f.size).sum(),
            total_bytes: files.iter().map(|f| f.size).sum(),
            done_files: ready.len(),
            total_files: files.len(),
        };
        on_progress(progress.clone());
        Self { state: Mutex::new((HashMap::new(), progress)), on_progress }
    }

    fn set(&self, path: &str, bytes: u64, finished: bool) {
        let progress = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let before = state.0.insert(path.to_owned(), bytes).unwrap_or(0);
            state.1.done_bytes = state.1.done_bytes - before + bytes;
            state.1.done_files += usize::from(finished);
            state.1.clone()
        };
        (self.on_progress)(progress);
    }
}

/// `*` stands for any run of characters, folders included, and `?` for one.
fn matches_glob(glob: &str, path: &str) -> bool {
    let (glob, path): (Vec<char>, Vec<char>) = (glob.chars().collect(), path.chars().collect());
    let (mut g, mut p, mut star) = (0, 0, None);
    while p < path.len() {
        match glob.get(g) {
            Some('*') => {
                star = Some((g, p));
                g += 1;
            }
            Some(c) if *c == '?' || *c == path[p] => {
                g += 1;
                p += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (g, p) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    glob[g..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::matches_glob;

    #[test]
    fn globs() {
        assert!(matches_glob("*.json", "a/config.json"));
        assert!(matches_glob("model-?.gguf", "model-1.gguf"));
        assert!(matches_glob("*Q4*", "DeepSeek-Q4_K_M.gguf"));
        assert!(!matches_glob("*.json", "a.jsonl"));
        assert!(!matches_glob("a", "ab"));
    }
}
