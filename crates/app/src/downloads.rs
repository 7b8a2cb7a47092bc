//! Downloads as a use case: one job for each model variant, started, paused, resumed and removed by the person.
//! The transfer itself is `hub`'s.
mod failure;
mod jobs;
mod list;

use std::path::Path;
use std::sync::Arc;

use catalog::{Catalog, Variant};
use contract::{AppEvent, DownloadView, ErrorCode, ErrorView, SourceKind};
use failure::hub_error;
use hub::{Hub, Job, Progress, Source};
pub(crate) use jobs::Downloads;
use jobs::Run;
use list::Wanted;

use crate::App;

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
        let variant = variant(model_id, variant_id)?;
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
        let hub = Hub::new(settings.models_dir).and_then(|hub| hub.through(&outbound));
        let hub = hub.map_err(|error| hub_error(&error))?;
        let job = Job { id: model_id.to_owned(), source: from, repo, globs: variant.files.clone() };
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
        self.remove_files(&view.model_id)
    }

    /// Deletes a downloaded model, or forgets one of the person's own; its worker, if it runs, is stopped first.
    pub async fn model_remove(&self, model_id: &str) -> Result<(), ErrorView> {
        if self.worker().await?.model_id.as_deref() == Some(model_id) {
            self.worker_stop().await?;
        }
        if self.model_forget(model_id)? {
            return Ok(());
        }
        self.remove_files(model_id)
    }

    fn remove_files(&self, model_id: &str) -> Result<(), ErrorView> {
        let models_dir = self.settings_now().models_dir;
        let outcome = hub::remove(Path::new(&models_dir), model_id);
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
