//! Downloads of repositories outside the catalogue: a complete one becomes a model of the list, after the
//! same check in the worker as an import. Which files of a repository are downloaded is decided elsewhere.
use std::path::{Path, PathBuf};
use std::sync::Arc;

use contract::{DownloadView, ErrorView, SourceKind};
use hub::Job;

use super::list::{RepositoryFiles, UnfinishedDownload};
use crate::App;
use crate::imports::{DownloadedFrom, OwnModels, checked_model};

/// The model that a finished download makes.
pub(super) struct NewModel {
    own_models: Arc<OwnModels>,
    engine_binary: PathBuf,
    from: DownloadedFrom,
}

impl NewModel {
    /// Adds it to the list, or updates its facts.
    pub(super) async fn add(self, dir: &Path) -> Result<(), ErrorView> {
        let (path, mut facts) = checked_model(&self.engine_binary, dir).await?;
        if path.is_dir() {
            // The folder has a name that is made for the disk.
            let name = self.from.repo.rsplit('/').next().unwrap_or_default();
            facts.identify(&Default::default(), name);
        }
        self.own_models.add(path, facts, Some(self.from)).map(drop)
    }
}

impl App {
    /// Starts the download of these files of a repository, or resumes it from the bytes on the disk.
    pub(crate) async fn download_repository(
        &self,
        repo: &str,
        group: &str,
        source: SourceKind,
        files: RepositoryFiles,
    ) -> Result<DownloadView, ErrorView> {
        let (hub, settings) = (self.hub().await?, self.settings_now());
        let job = Job {
            id: files.folder.clone(),
            source: self.configured(&settings, source),
            repo: repo.to_owned(),
            globs: files.files.clone(),
        };
        let new = NewModel {
            own_models: self.own_models.clone(),
            engine_binary: self.paths.engine_binary.clone(),
            from: DownloadedFrom {
                source,
                repo: repo.to_owned(),
                group: group.to_owned(),
                models_dir: settings.models_dir.into(),
                folder: files.folder.clone(),
            },
        };
        let entry = UnfinishedDownload {
            model_id: repo.to_owned(),
            variant_id: group.to_owned(),
            source,
            repository: Some(files),
        };
        Ok(self.run(entry, hub, job, Some(new)))
    }

    /// Deletes what was downloaded, with the model that an earlier run made of it.
    pub(super) async fn remove_repository_folder(&self, folder: &str) -> Result<(), ErrorView> {
        let of_folder = self
            .own_models
            .all()?
            .into_iter()
            .find(|model| model.downloaded.as_ref().is_some_and(|from| from.folder == folder));
        match of_folder {
            Some(model) => Box::pin(self.model_remove(&model.id, None)).await,
            None => self.remove_folder(folder),
        }
    }
}
