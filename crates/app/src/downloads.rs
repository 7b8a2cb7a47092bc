//! Downloads as a use case: one job for each model variant, its progress pushed to the host, and a list on disk so
//! that an unfinished one is offered again after a restart. The transfer itself is `hub`'s.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use catalog::{Catalog, Variant};
use contract::{AppEvent, DownloadState, DownloadView, ErrorCode, ErrorView, SourceKind};
use hub::{CancellationToken, Hub, HubError, Job, Progress, Source};
use serde::{Deserialize, Serialize};

use crate::convert::storage_error;
use crate::{App, Host};

const LIST_FILE: &str = "downloads.json";
const LIST_VERSION: u32 = 1;
/// Progress is pushed at most this often.
const PUSH_EVERY: Duration = Duration::from_millis(200);

/// Every download of this run and the unfinished ones of earlier runs.
pub(crate) struct Downloads {
    jobs: Mutex<BTreeMap<String, Entry>>,
    list: PathBuf,
    host: Arc<dyn Host>,
}

struct Entry {
    view: DownloadView,
    cancel: CancellationToken,
    started: Instant,
    done_at_start: f64,
    pushed: Instant,
}

/// What is kept on disk of an unfinished download.
#[derive(Serialize, Deserialize)]
struct Unfinished {
    version: u32,
    downloads: Vec<Wanted>,
}

#[derive(Serialize, Deserialize, Clone)]
struct Wanted {
    model_id: String,
    variant_id: String,
    source: SourceKind,
}

impl Downloads {
    /// Unfinished downloads of the last run come back paused. A list that cannot be read is an empty one: the bytes
    /// themselves are still there and are found when the download is started again.
    pub(crate) fn open(data_dir: &Path, host: Arc<dyn Host>) -> Self {
        let list = data_dir.join(LIST_FILE);
        let read =
            std::fs::read(&list).ok().and_then(|text| serde_json::from_slice::<Unfinished>(&text).ok());
        let wanted =
            read.filter(|list| list.version == LIST_VERSION).map(|list| list.downloads).unwrap_or_default();
        let entry = |wanted: Wanted| {
            let view = fresh(&wanted, DownloadState::Paused);
            (view.id.clone(), Entry::new(view))
        };
        Self { jobs: Mutex::new(wanted.into_iter().map(entry).collect()), list, host }
    }

    pub(crate) fn of_model(&self, model_id: &str) -> Option<DownloadView> {
        self.lock().values().map(|entry| &entry.view).find(|view| view.model_id == model_id).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.jobs.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Changes one job and tells the host; nothing happens when it was removed meanwhile.
    fn change(&self, id: &str, always_push: bool, change: impl FnOnce(&mut Entry)) {
        let mut jobs = self.lock();
        let Some(entry) = jobs.get_mut(id) else { return };
        change(entry);
        if always_push || entry.pushed.elapsed() >= PUSH_EVERY {
            entry.pushed = Instant::now();
            let download = entry.view.clone();
            drop(jobs);
            self.host.emit(AppEvent::DownloadChanged { download });
        }
    }

    fn progress(&self, id: &str, progress: &Progress) {
        self.change(id, false, |entry| {
            let (done, total) = (progress.done_bytes as f64, progress.total_bytes as f64);
            if entry.view.state == DownloadState::Listing {
                entry.view.state = DownloadState::Transferring;
                (entry.started, entry.done_at_start) = (Instant::now(), done);
            }
            let seconds = entry.started.elapsed().as_secs_f64();
            let speed = if seconds > 0.5 { (done - entry.done_at_start) / seconds } else { 0.0 };
            (entry.view.done, entry.view.total, entry.view.speed) = (done, total, speed);
            entry.view.seconds_left = (speed > 0.0).then(|| (total - done) / speed);
        });
    }

    fn end(&self, id: &str, outcome: Result<u64, HubError>, host_of_other: SourceKind) {
        let finished = outcome.is_ok();
        self.change(id, true, |entry| match outcome {
            Ok(bytes) => {
                entry.view.state = DownloadState::Ready;
                (entry.view.done, entry.view.total) = (bytes as f64, bytes as f64);
                (entry.view.verified, entry.view.seconds_left) = (bytes as f64, None);
            }
            Err(HubError::Cancelled) => entry.view.state = DownloadState::Paused,
            Err(error) => {
                entry.view.state = DownloadState::Failed;
                entry.view.error = Some(hub_error(&error));
                entry.view.alternative = Some(host_of_other);
            }
        });
        if finished {
            self.lock().remove(id);
            self.host.emit(AppEvent::ModelsChanged);
        }
        self.keep();
    }

    /// Writes the list whole. A full disk leaves the old one, which at worst offers a finished download again.
    fn keep(&self) {
        let wanted = |view: &DownloadView| Wanted {
            model_id: view.model_id.clone(),
            variant_id: view.variant_id.clone(),
            source: view.source,
        };
        let downloads = self.lock().values().map(|entry| wanted(&entry.view)).collect();
        let text = serde_json::to_vec_pretty(&Unfinished { version: LIST_VERSION, downloads });
        let folder = self.list.parent().unwrap_or(Path::new("."));
        let written = tempfile::NamedTempFile::new_in(folder).and_then(|file| {
            std::fs::write(file.path(), text.expect("a list is plain data"))?;
            Ok(file.persist(&self.list)?)
        });
        if let Err(error) = written {
            tracing::warn!("failed to keep the list of downloads: {error}");
        }
    }
}

impl Entry {
    fn new(view: DownloadView) -> Self {
        let now = Instant::now();
        Self { view, cancel: CancellationToken::new(), started: now, done_at_start: 0.0, pushed: now }
    }
}

impl App {
    pub async fn downloads(&self) -> Result<Vec<DownloadView>, ErrorView> {
        Ok(self.downloads.lock().values().map(|entry| entry.view.clone()).collect())
    }

    /// Starts, or goes on from the bytes already here.
    pub async fn download_start(
        &self,
        model_id: &str,
        variant_id: &str,
        source: SourceKind,
    ) -> Result<DownloadView, ErrorView> {
        let wanted = Wanted { model_id: model_id.into(), variant_id: variant_id.into(), source };
        let variant = variant(model_id, variant_id)?;
        let settings = self.settings_now();
        let (repo, from) = match source {
            SourceKind::HuggingFace => {
                (&variant.repo_hugging_face, Source::hugging_face(settings.hugging_face_endpoint))
            }
            SourceKind::ModelScope => {
                (&variant.repo_model_scope, Source::model_scope(settings.model_scope_endpoint))
            }
        };
        let repo = repo.clone().ok_or_else(|| {
            ErrorView::new(ErrorCode::NotOnSource, "find the model on this source").with("model_id", model_id)
        })?;
        let hub = Hub::new(settings.models_dir).map_err(|error| hub_error(&error))?;
        let entry = Entry::new(fresh(&wanted, DownloadState::Listing));
        let (view, cancel) = (entry.view.clone(), entry.cancel.clone());
        if let Some(old) = self.downloads.lock().insert(view.id.clone(), entry) {
            old.cancel.cancel();
        }
        self.downloads.keep();
        let job = Job { id: model_id.to_owned(), source: from, repo, globs: variant.files.clone() };
        let (downloads, id) = (self.downloads.clone(), view.id.clone());
        tokio::spawn(async move {
            let (watch, watched) = (downloads.clone(), id.clone());
            let on_progress = Arc::new(move |progress: Progress| watch.progress(&watched, &progress));
            let outcome = hub.download(job, on_progress, cancel).await;
            downloads.end(&id, outcome.map(|installed| installed.bytes), other(source));
        });
        Ok(view)
    }

    pub async fn download_pause(&self, id: &str) -> Result<(), ErrorView> {
        self.downloads.lock().get(id).ok_or_else(|| unknown(id))?.cancel.cancel();
        Ok(())
    }

    pub async fn download_resume(&self, id: &str) -> Result<(), ErrorView> {
        let view =
            self.downloads.lock().get(id).map(|entry| entry.view.clone()).ok_or_else(|| unknown(id))?;
        self.download_start(&view.model_id, &view.variant_id, view.source).await.map(drop)
    }

    /// Ends the download and removes its bytes.
    pub async fn download_remove(&self, id: &str) -> Result<(), ErrorView> {
        let entry = self.downloads.lock().remove(id).ok_or_else(|| unknown(id))?;
        entry.cancel.cancel();
        self.downloads.keep();
        self.remove_files(&entry.view.model_id)
    }

    /// Deletes a downloaded model; its worker, if it runs, is stopped first.
    pub async fn model_remove(&self, model_id: &str) -> Result<(), ErrorView> {
        if self.worker().await?.model_id.as_deref() == Some(model_id) {
            self.worker_stop().await?;
        }
        self.remove_files(model_id)
    }

    fn remove_files(&self, model_id: &str) -> Result<(), ErrorView> {
        let models_dir = self.settings_now().models_dir;
        let outcome = hub::remove(Path::new(&models_dir), model_id);
        self.host.emit(AppEvent::ModelsChanged);
        match outcome {
            Err(HubError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            other => other.map_err(|error| hub_error(&error)),
        }
    }
}

fn fresh(wanted: &Wanted, state: DownloadState) -> DownloadView {
    DownloadView {
        id: format!("{}/{}", wanted.model_id, wanted.variant_id),
        model_id: wanted.model_id.clone(),
        variant_id: wanted.variant_id.clone(),
        source: wanted.source,
        state,
        total: variant(&wanted.model_id, &wanted.variant_id).map_or(0.0, |variant| variant.size as f64),
        done: 0.0,
        verified: 0.0,
        speed: 0.0,
        seconds_left: None,
        files: Vec::new(),
        error: None,
        alternative: None,
    }
}

fn variant(model_id: &str, variant_id: &str) -> Result<&'static Variant, ErrorView> {
    let missing = || {
        ErrorView::new(ErrorCode::ModelNotFound, "find the model in the catalogue")
            .with("model_id", model_id)
            .with("variant_id", variant_id)
    };
    let model = Catalog::builtin().model(model_id).ok_or_else(missing)?;
    model.variants.iter().find(|variant| variant.id == variant_id).ok_or_else(missing)
}

fn other(source: SourceKind) -> SourceKind {
    match source {
        SourceKind::HuggingFace => SourceKind::ModelScope,
        SourceKind::ModelScope => SourceKind::HuggingFace,
    }
}

fn unknown(id: &str) -> ErrorView {
    ErrorView::new(ErrorCode::InvalidInput, "find the download").with("id", id)
}

fn hub_error(error: &HubError) -> ErrorView {
    let view = |code| ErrorView::new(code, error.to_string());
    match error {
        HubError::NoNetwork(_) => view(ErrorCode::NoNetwork),
        HubError::SourceRefused(_) => view(ErrorCode::SourceRefused),
        HubError::SourceRateLimited => view(ErrorCode::SourceRateLimited),
        HubError::NotOnSource(_) => view(ErrorCode::NotOnSource),
        HubError::GatedModel(_) => view(ErrorCode::GatedModel),
        HubError::HashMismatch(_) => view(ErrorCode::HashMismatch),
        HubError::SizeMismatch { path, expected, got } => {
            view(ErrorCode::SizeMismatch).with("path", path).with("expected", expected).with("actual", got)
        }
        HubError::DiskFull { needed, free } => {
            view(ErrorCode::DiskFull).with("needed", needed).with("free", free)
        }
        HubError::DownloadStalled(_) => view(ErrorCode::DownloadStalled),
        HubError::Cancelled => view(ErrorCode::Cancelled),
        HubError::Io(error) => storage_error("keep the model", Path::new("models"), error),
    }
}
