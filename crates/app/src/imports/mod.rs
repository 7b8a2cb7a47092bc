//! Models outside the catalogue as use cases: add one from its place on the disk, list it among the models,
//! remove it from the list. Files are never copied or deleted here.
use std::path::{Path, PathBuf};

use catalog::{Catalog, DEFAULT_CONTEXT, Devices, Fit, KvDtype, ModelFacts, Sentence, Variant, best_fit};
use checkpoint::memory::ActivationSizes;
use contract::{AppEvent, ErrorCode, ErrorView, FamilyKind, Localized, ModelState, ModelView, SamplingView};

use crate::App;
use crate::blocking::blocking;
use crate::convert::{failure_view, file_problem, linked_view, model_view, sampling_view};
use crate::images::config_of;

mod inspect;
mod list;

pub(crate) use inspect::{ModelFileFacts, inspect, locate, refusal};
pub(crate) use list::{DownloadedFrom, OwnModel, OwnModels};

impl App {
    /// Adds the folder of a model or a `.gguf` file. Adding it again updates its facts.
    pub async fn model_import(&self, path: &Path) -> Result<ModelView, ErrorView> {
        let (path, facts) = checked_model(&self.paths.engine_binary, path).await?;
        let model = self.own_models.add(path, facts, None)?;
        self.host.emit(AppEvent::ModelsChanged);
        Ok(own_view(&model, &*self.snapshot().await?, self.devices()))
    }

    /// Returns whether it was an imported model. The files stay.
    pub(crate) fn model_forget(&self, model_id: &str) -> Result<bool, ErrorView> {
        let forgotten = self.own_models.forget(model_id)?;
        if forgotten {
            self.host.emit(AppEvent::ModelsChanged);
        }
        Ok(forgotten)
    }
}

/// The path of the model at a place, and its facts.
///
/// # Errors
/// As a start would have them.
pub(crate) async fn checked_model(
    engine_binary: &Path,
    place: &Path,
) -> Result<(PathBuf, ModelFileFacts), ErrorView> {
    let place = place.to_owned();
    let (path, facts) = blocking("read the model", move || {
        let path = locate(&place)?;
        inspect(&path).map(|facts| (path, facts))
    })
    .await?;
    // Only the worker reads tokenizers and templates. It checks them now as it would at a start.
    let checked =
        deploy::check_model(engine_binary, &path).await.map_err(|failure| failure_view(&failure))?;
    Ok((path, ModelFileFacts { switches_reasoning: Some(checked.switches_reasoning), ..facts }))
}

/// The verdict for files of which only the facts are known.
pub(crate) fn fit_of(facts: &ModelFileFacts, snapshot: &::hardware::Snapshot, devices: Devices) -> Fit {
    let note = messages::own_file(&facts.architecture);
    let model = model_facts("", facts, facts.activations, note);
    best_fit(snapshot, devices, &model, DEFAULT_CONTEXT, KvDtype::Bf16)
}

/// The view of an imported or downloaded model, with its verdict for this computer.
pub(crate) fn own_view(model: &OwnModel, snapshot: &::hardware::Snapshot, devices: Devices) -> ModelView {
    let facts = &model.facts;
    let note = match (&model.downloaded, known(facts)) {
        (Some(from), None) => messages::from_repository(&from.repo, &facts.architecture),
        (None, None) => messages::own_file(&facts.architecture),
        (Some(from), Some(known)) => messages::known_from_repository(&from.repo, &sentence(&known.note)),
        (None, Some(known)) => messages::known_own_file(&sentence(&known.note)),
    };
    // The list of an earlier version does not have them.
    let activations = facts.activations.or_else(|| {
        checkpoint::open(&model.path).ok().map(|checkpoint| ActivationSizes::of(&checkpoint.config))
    });
    let model_facts = ModelFacts {
        takes_images: takes_images(&model.path),
        ..model_facts(&model.id, facts, activations, note)
    };
    let fit = best_fit(snapshot, devices, &model_facts, DEFAULT_CONTEXT, KvDtype::Bf16);
    let problem = check_there(model).err();
    let contents = model.downloaded.as_ref().and_then(|from| hub::contents(&from.models_dir, &from.folder));
    ModelView {
        family: FamilyKind::OwnFile,
        state: if problem.is_some() { ModelState::Failed } else { ModelState::Ready },
        disk_used: contents.as_ref().map_or(facts.bytes, |contents| contents.bytes) as f64,
        linked: contents.map_or_else(Vec::new, |contents| linked_view(&contents.linked)),
        recommended: own_sampling(model),
        path: Some(model.path.display().to_string()),
        repository: model.downloaded.as_ref().map(|from| format!("{}:{}", from.repo, from.group)),
        problem,
        known_as: facts.known_as.clone(),
        ..model_view(&model_facts, &fit)
    }
}

/// The model of the catalogue that the files are.
fn known(facts: &ModelFileFacts) -> Option<&'static ModelFacts> {
    facts.known_as.as_deref().and_then(|id| Catalog::builtin().model(id))
}

fn sentence(note: &Sentence) -> Localized {
    Localized { en: note.en.clone(), zh: note.zh.clone() }
}

/// The facts of files as those of a model of the catalogue with one variant.
fn model_facts(
    id: &str,
    facts: &ModelFileFacts,
    activations: Option<ActivationSizes>,
    note: Localized,
) -> ModelFacts {
    ModelFacts {
        id: id.to_owned(),
        name: facts.name.clone(),
        family: catalog::FamilyKind::Original,
        note: Sentence { en: note.en, zh: note.zh },
        params_total: facts.params_total,
        params_active: facts.params_active,
        context_max: facts.context_max,
        takes_images: false,
        // Until the worker has said, the switch is offered: a template without it ignores it.
        hybrid: facts.switches_reasoning.unwrap_or(true),
        licence: known(facts).map(|model| model.licence.clone()).unwrap_or_default(),
        embedded: true,
        engines: Vec::new(),
        rank: 0,
        cache: facts.kv_cache(),
        activations,
        shape: None,
        recommended: catalog::Sampling::default(),
        variants: vec![Variant {
            id: "own".into(),
            // The list of an earlier version has it in the name only.
            precision: inspect::precision_label(&facts.name, &facts.precision),
            size: facts.bytes,
            size_computed: false,
            shrink: None,
            files_size: None,
            repo_hugging_face: None,
            repo_model_scope: None,
            files: Vec::new(),
            note: None,
        }],
    }
}

/// The sampling that the files recommend, else that of the model of the catalogue that they are, else the
/// default values.
pub(crate) fn own_sampling(model: &OwnModel) -> SamplingView {
    let default = known(&model.facts).map_or_else(SamplingView::default, |it| sampling_view(&it.recommended));
    SamplingView {
        temperature: model.facts.temperature.unwrap_or(default.temperature),
        top_p: model.facts.top_p.unwrap_or(default.top_p),
        ..default
    }
}

/// # Errors
/// When files were moved or deleted, or their drive is not connected, or a linked one was changed.
pub(crate) fn check_there(model: &OwnModel) -> Result<(), ErrorView> {
    if let Some(from) = &model.downloaded
        && let Some(problem) = hub::problem(&from.models_dir, &from.folder)
    {
        let error = file_problem(&problem, &from.models_dir.join(&from.folder));
        return Err(error.with("model_id", &model.id));
    }
    let holds_files = |folder: &Path| std::fs::read_dir(folder).is_ok_and(|mut files| files.next().is_some());
    if model.path.is_file() || holds_files(&model.path) {
        return Ok(());
    }
    let message = "find the model where it was";
    Err(ErrorView::new(ErrorCode::OwnFileMissing, message)
        .with("path", model.path.display())
        .with("model_id", &model.id))
}

/// False for files that cannot be read; `check_there` has their error.
fn takes_images(path: &Path) -> bool {
    config_of(path).ok().flatten().is_some_and(|config| config.images().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_precision_that_the_name_says_is_said_once() {
        let stored = inspect::precision_label;
        assert_eq!(stored("DeepSeek-R1-Distill-Qwen-7B-Q4_K_M", "Q4_K"), "Q4_K_M");
        assert_eq!(stored("model.Q8_0", "Q8_0"), "Q8_0");
        assert_eq!(stored("my-model", "Q4_K"), "Q4_K");
        assert_eq!(stored("my-model", ""), "");
    }
}
