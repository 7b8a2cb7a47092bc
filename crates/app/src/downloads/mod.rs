//! Downloads as use cases: one job for each model variant or precision of a repository, which the user
//! starts, pauses, resumes and removes. `hub` does the transfer.
mod failure;
mod jobs;
mod list;
mod repository;
mod source;

use std::path::Path;
use std::sync::Arc;

use catalog::{Catalog, ModelFacts, Variant};
use contract::{AppEvent, DownloadView, ErrorCode, ErrorView, SourceKind};
pub(crate) use failure::hub_error;
use hub::{Hub, Job, Progress};
pub(crate) use jobs::Downloads;
use jobs::{Run, RunError};
pub(crate) use list::RepositoryFiles;
use list::UnfinishedDownload;
use repository::NewModel;

use crate::App;
use crate::other_programs::LocalFiles;
use crate::precisions::{Precision, folder};

impl App {
    pub async fn downloads(&self) -> Result<Vec<DownloadView>, ErrorView> {
        Ok(self.downloads.all())
    }

    /// Starts a download, or resumes it from the bytes on the disk.
    pub async fn download_start(
        &self,
        model_id: &str,
        variant_id: &str,
        source: SourceKind,
    ) -> Result<DownloadView, ErrorView> {
        let (model, variant) = variant(model_id, variant_id)?;
        crate::convert::runs_here(model)?;
        let settings = self.settings_now();
        let repo = match source {
            SourceKind::HuggingFace => &variant.repo_hugging_face,
            SourceKind::ModelScope => &variant.repo_model_scope,
        };
        let repo = repo.clone().ok_or_else(|| {
            ErrorView::new(ErrorCode::NotOnSource, "find the model on this source").with("repo", model_id)
        })?;
        let folder = folder(Path::new(&settings.models_dir), model, variant);
        let from = self.configured(&settings, source);
        let job = Job { id: folder, source: from, repo, globs: variant.files.clone() };
        let entry = UnfinishedDownload {
            model_id: model_id.into(),
            variant_id: variant_id.into(),
            source,
            repository: None,
        };
        let hub = self.hub().await?;
        Ok(self.run(entry, hub, job, None))
    }

    /// A client of the sources, with the network configuration of the settings.
    pub(crate) async fn hub(&self) -> Result<Hub, ErrorView> {
        let outbound = self.outbound().await?;
        let hub = Hub::new(self.settings_now().models_dir).and_then(|hub| hub.with_outbound(&outbound));
        hub.map_err(|error| hub_error(&error))
    }

    /// Starts a run. Where it makes a new model, the model is in the list before the run counts as finished.
    fn run(&self, entry: UnfinishedDownload, hub: Hub, job: Job, new: Option<NewModel>) -> DownloadView {
        let home = self.paths.home_dir.clone();
        let hub = hub.with_local_files(Arc::new(move |files| {
            let local = LocalFiles::scan(home.clone());
            files.iter().map(|file| local.of(file)).collect()
        }));
        let (downloads, source) = (self.downloads.clone(), entry.source);
        let id = format!("{}/{}", entry.model_id, entry.variant_id);
        self.downloads.start(&entry, |Run { number, cancel, previous }| {
            tokio::spawn(async move {
                if let Some(previous) = previous {
                    // Its result does not matter; the folder is free once it has ended.
                    previous.await.ok();
                }
                let (observer, observed) = (downloads.clone(), id.clone());
                let on_progress =
                    Arc::new(move |progress: &Progress| observer.progress(&observed, number, progress));
                let outcome = match (hub.download(job, on_progress, cancel).await, new) {
                    (Ok(installed), Some(new)) => new.add(&installed.dir).await.map_err(RunError::Refused),
                    (outcome, _) => outcome.map(drop).map_err(RunError::Hub),
                };
                downloads.end(&id, number, outcome, other_source(source));
            })
        })
    }

    pub async fn download_pause(&self, id: &str) -> Result<(), ErrorView> {
        self.downloads.pause(id).then_some(()).ok_or_else(|| unknown(id))
    }

    pub async fn download_resume(&self, id: &str) -> Result<(), ErrorView> {
        let left = self.downloads.unfinished(id).ok_or_else(|| unknown(id))?;
        match left.repository {
            Some(files) => {
                self.download_repository(&left.model_id, &left.variant_id, left.source, files).await
            }
            None => self.download_start(&left.model_id, &left.variant_id, left.source).await,
        }
        .map(drop)
    }

    /// Cancels the download and removes its bytes.
    pub async fn download_remove(&self, id: &str) -> Result<(), ErrorView> {
        let left = self.downloads.remove(id).await.ok_or_else(|| unknown(id))?;
        if let Some(files) = left.repository {
            return self.remove_repository_folder(&files.folder).await;
        }
        let (model, variant) = variant(&left.model_id, &left.variant_id)?;
        self.remove_folder(&folder(Path::new(&self.settings_now().models_dir), model, variant))
    }

    /// Deletes a downloaded model, or one precision of it, or removes an imported model from the list. A
    /// worker that runs it is stopped first, unless it is answering. `variant_id` is required where several
    /// precisions of a model of the catalogue are on the disk.
    pub async fn model_remove(&self, model_id: &str, variant_id: Option<&str>) -> Result<(), ErrorView> {
        if let Some(model) = self.own_models.find(model_id)? {
            self.stop_worker_of(model_id, None).await?;
            if let Some(from) = &model.downloaded {
                self.downloads.remove(&format!("{}/{}", from.repo, from.group)).await;
                // First: a model that is listed and gone can be removed again, and files that no list names
                // would stay.
                let deleted = hub::remove(&from.models_dir, &from.folder);
                deleted.map_err(|error| hub_error(&error))?;
            }
            self.model_forget(model_id)?;
            self.prefix_cache_remove(model_id);
            return Ok(());
        }
        let on_disk = self.precisions_of(model_id);
        let selected = |one: &&Precision| variant_id.is_none_or(|id| id == one.variant.id);
        let removed: Vec<&Precision> = on_disk.iter().filter(selected).collect();
        match removed[..] {
            // Nothing is left to delete.
            [] => self.host.emit(AppEvent::ModelsChanged),
            [one] => {
                self.stop_worker_of(model_id, Some(&one.dir)).await?;
                // A partial download is not offered any more.
                self.downloads.remove(&format!("{model_id}/{}", one.variant.id)).await;
                self.remove_folder(&one.folder)?;
                self.prefix_cache_remove(model_id);
            }
            _ => {
                let allowed: Vec<&str> = on_disk.iter().map(|one| one.variant.id.as_str()).collect();
                let message = "delete the model: several precisions of it are here";
                let several = ErrorView::new(ErrorCode::SeveralPrecisions, message);
                return Err(several.with("model_id", model_id).with("allowed", allowed.join(", ")));
            }
        }
        Ok(())
    }

    /// The KV of prompts is of no use without the model.
    fn prefix_cache_remove(&self, model_id: &str) {
        let folder = self.paths.prefix_cache(model_id);
        if let Err(error) = std::fs::remove_dir_all(&folder)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "the saved prompts were not deleted");
        }
    }

    async fn stop_worker_of(&self, model_id: &str, dir: Option<&Path>) -> Result<(), ErrorView> {
        let runs = self.workers.running();
        if runs.is_some_and(|(id, running)| id == model_id && dir.is_none_or(|dir| dir == running)) {
            if let Some(busy) = self.workers.users(model_id).await {
                return Err(self.busy_error(busy).await);
            }
            self.worker_stop().await?;
        }
        Ok(())
    }

    fn remove_folder(&self, folder: &str) -> Result<(), ErrorView> {
        let models_dir = self.settings_now().models_dir;
        let outcome = hub::remove(Path::new(&models_dir), folder);
        self.host.emit(AppEvent::ModelsChanged);
        outcome.map_err(|error| hub_error(&error))
    }
}

fn variant(model_id: &str, variant_id: &str) -> Result<(&'static ModelFacts, &'static Variant), ErrorView> {
    let missing = || {
        ErrorView::new(ErrorCode::ModelNotFound, "find the model in the catalogue")
            .with("model_id", model_id)
            .with("variant_id", variant_id)
    };
    let model = Catalog::builtin().model(model_id).ok_or_else(missing)?;
    let variant = model.variants.iter().find(|variant| variant.id == variant_id).ok_or_else(missing)?;
    Ok((model, variant))
}

fn other_source(source: SourceKind) -> SourceKind {
    match source {
        SourceKind::HuggingFace => SourceKind::ModelScope,
        SourceKind::ModelScope => SourceKind::HuggingFace,
    }
}

fn unknown(id: &str) -> ErrorView {
    ErrorView::new(ErrorCode::InvalidInput, "find the download").with("id", id)
}
