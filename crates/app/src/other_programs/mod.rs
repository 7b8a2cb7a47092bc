//! Models that other programs have on this computer, as a use case: each with its verdict or the reason why
//! it does not run. It reads headers only; `model_import` adds one where it is, after the worker's check.
//! Nothing is copied, changed or deleted.
use std::collections::HashSet;
use std::path::{Path, PathBuf};

use catalog::Devices;
use contract::{ErrorView, OtherProgramModel};

use crate::App;
use crate::blocking::blocking;
use crate::convert::fit_view;
use crate::imports::{OwnModel, fit_of, inspect};

mod folders;
mod local_files;
mod ollama;
mod search;

use folders::Environment;
pub(crate) use local_files::LocalFiles;
pub(crate) use ollama::label_of_blob;
use search::{ProgramModel, search};

impl App {
    /// The models in the folders of other programs, those that can run first.
    pub async fn models_found(&self) -> Result<Vec<OtherProgramModel>, ErrorView> {
        let (snapshot, devices) = (self.snapshot().await?, self.devices());
        let own = self.own_models.all()?;
        let home = self.paths.home_dir.clone();
        blocking("look for models of other programs", move || {
            let found = home.map(|home| search(&Environment::of_this_process(home))).unwrap_or_default();
            Ok(views(found, &own, &snapshot, devices))
        })
        .await
    }
}

fn views(
    found: Vec<ProgramModel>,
    own: &[OwnModel],
    snapshot: &::hardware::Snapshot,
    devices: Devices,
) -> Vec<OtherProgramModel> {
    let real = |path: &Path| path.canonicalize().ok();
    let added: HashSet<PathBuf> = own.iter().filter_map(|model| real(&model.path)).collect();
    let view = |model: ProgramModel| {
        let (fit, problem) = match inspect(&model.path) {
            Ok(facts) => (Some(fit_view(&fit_of(&facts, snapshot, devices))), None),
            Err(problem) => (None, Some(problem)),
        };
        OtherProgramModel {
            program: model.program.to_owned(),
            label: model.label,
            path: model.path.display().to_string(),
            size: model.bytes as f64,
            fit,
            problem,
            added: real(&model.path).is_some_and(|path| added.contains(&path)),
        }
    };
    let mut views: Vec<OtherProgramModel> = found.into_iter().map(view).collect();
    views.sort_by_key(|view| view.problem.is_some());
    views
}

#[cfg(test)]
mod tests;
