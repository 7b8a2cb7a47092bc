//! Downloads as a use case: one job for each model variant, started, paused, resumed and removed by the person.
//! The transfer itself is `hub`'s.
mod failure;
mod jobs;
mod list;

use std::path::Path;
use std::sync::Arc;

use catalog::{Catalog, ModelFacts, Variant};
use contract::{AppEvent, DownloadView, ErrorCode, ErrorView, SourceKind};
use failure::hub_error;
use hub::{Hub, Job, Progress, Source};
pub(crate) use jobs::Downloads;
use jobs::Run;
use list::Wanted;

use crate::App;
use crate::precisions::{Precision, folder};

impl App {
    pub async fn downloads(&self) -> Result<Vec<DownloadView>, ErrorView> {
        Ok(self.downloads.all())
    }

    /// Starts, or goes on from the bytes already here.
    pub async fn download_start(
        &self,
        model_id: &str,
        variant_id: &str,
        source: SourceKind,
    ) -> Result<DownloadView, ErrorView> {
        let (model, variant) = variant(model_id, variant_id)?;
        let settings = self.settings_now();
        let (repo, mut from) = match source {
            SourceKind::HuggingFace => {
                (&variant.repo_hugging_face, Source::hugging_face(settings.hugging_face_endpoint))
            }
            SourceKind::ModelScope => {
                (&variant.repo_model_scope, Source::model_scope(settings.model_scope_endpoint))
            }
        };
        let repo = repo.clone().ok_or_else(|| {
            ErrorView::new(ErrorCode::NotOnSource, "find the model on this source").with("repo", model_id)
        })?;
        from.token = token(source);
        let outbound = self.outbound().await?;
        let folder = folder(Path::new(&settings.models_dir), model, variant);
        let hub = Hub::new(settings.models_dir).and_then(|hub| hub.through(&outbound));
        let hub = hub.map_err(|error| hub_error(&error))?;
        let job = Job { id: folder, source: from, repo, globs: variant.files.clone() };
        let wanted = Wanted { model_id: model_id.into(), variant_id: variant_id.into(), source };
        let (downloads, id) = (self.downloads.clone(), format!("{model_id}/{variant_id}"));
        Ok(self.downloads.start(&wanted, |Run { number, cancel, previous }| {
            tokio::spawn(async move {
                if let Some(previous) = previous {
                    // However it ended, the folder is free now.
                    previous.await.ok();
                }
                let (watch, watched) = (downloads.clone(), id.clone());
                let on_progress =
                    Arc::new(move |progress: &Progress| watch.progress(&watched, number, progress));
                let outcome = hub.download(job, on_progress, cancel).await;
                downloads.end(&id, number, outcome.map(drop), other(source));
            })
        }))
    }

    pub async fn download_pause(&self, id: &str) -> Result<(), ErrorView> {
        self.downloads.pause(id).then_some(()).ok_or_else(|| unknown(id))
    }

    pub async fn download_resume(&self, id: &str) -> Result<(), ErrorView> {
        let view = self.downloads.get(id).ok_or_else(|| unknown(id))?;
        self.download_start(&view.model_id, &view.variant_id, view.source).await.map(drop)
    }

    /// Ends the download and removes its bytes.
    pub async fn download_remove(&self, id: &str) -> Result<(), ErrorView> {
        let view = self.downloads.remove(id).await.ok_or_else(|| unknown(id))?;
        let (model, variant) = variant(&view.model_id, &view.variant_id)?;
        self.remove_folder(&folder(Path::new(&self.settings_now().models_dir), model, variant))
    }

    /// Deletes one precision of a downloaded model, or forgets a model of the person's own; a worker that runs it is
    /// stopped first, unless it is answering. Which one has to be said where several are here.
    pub async fn model_remove(&self, model_id: &str, variant_id: Option<&str>) -> Result<(), ErrorView> {
        if self.own_models.find(model_id)?.is_some() {
            self.stop_if_it_runs(model_id, None).await?;
            self.model_forget(model_id)?;
            return Ok(());
        }
        let here = self.precisions_of(model_id);
        let named = |one: &&Precision| variant_id.is_none_or(|named| named == one.variant.id);
        let removed: Vec<&Precision> = here.iter().filter(named).collect();
        match removed[..] {
            // Nothing is there, which is what was wanted.
            [] => self.host.emit(AppEvent::ModelsChanged),
            [one] => {
                self.stop_if_it_runs(model_id, Some(&one.dir)).await?;
                // One that is half here is not offered any more.
                self.downloads.remove(&format!("{model_id}/{}", one.variant.id)).await;
                self.remove_folder(&one.folder)?;
            }
            _ => {
                let allowed: Vec<&str> = here.iter().map(|one| one.variant.id.as_str()).collect();
                let message = "delete the model: several precisions of it are here";
                let several = ErrorView::new(ErrorCode::SeveralPrecisions, message);
                return Err(several.with("model_id", model_id).with("allowed", allowed.join(", ")));
            }
        }
        Ok(())
    }

    async fn stop_if_it_runs(&self, model_id: &str, dir: Option<&Path>) -> Result<(), ErrorView> {
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

/// The variables in which the official clients look for an access token; it goes to the source's endpoint only.
fn token(source: SourceKind) -> Option<String> {
    let name = match source {
        SourceKind::HuggingFace => "HF_TOKEN",
        SourceKind::ModelScope => "MODELSCOPE_API_TOKEN",
    };
    std::env::var(name).ok().filter(|token| !token.is_empty())
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

fn other(source: SourceKind) -> SourceKind {
    match source {
        SourceKind::HuggingFace => SourceKind::ModelScope,
        SourceKind::ModelScope => SourceKind::HuggingFace,
    }
}

fn unknown(id: &str) -> ErrorView {
    ErrorView::new(ErrorCode::InvalidInput, "find the download").with("id", id)
}
