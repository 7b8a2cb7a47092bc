//! A person's own model files as use cases: add one where it lies, see it among the models, forget it. Nothing is ever
//! copied, and forgetting deletes only the entry.
use std::path::Path;

use catalog::{Cache, DEFAULT_CONTEXT, Devices, KvDtype, ModelFacts, Sentence, Variant, best_fit};
use contract::{AppEvent, ErrorCode, ErrorView, FamilyKind, ModelState, ModelView, SamplingView};

use crate::App;
use crate::convert::model_view;
use crate::pictures::config_of;
use crate::worker::failure_view;

mod examine;
mod list;

use examine::{Cached, Facts, examine, place};
pub(crate) use list::{OwnModel, OwnModels};

impl App {
    /// Adds a folder with a model, or a `.gguf` file, where it lies. Adding it again renews what is known of it.
    pub async fn model_import(&self, path: &Path) -> Result<ModelView, ErrorView> {
        let chosen = path.to_owned();
        let examined = tokio::task::spawn_blocking(move || {
            let path = place(&chosen)?;
            examine(&path).map(|facts| (path, facts))
        });
        let (path, facts) = examined
            .await
            .map_err(|error| ErrorView::new(ErrorCode::Internal, format!("read the model: {error}")))??;
        // The worker alone reads tokenizers and templates: it says now what it would say at a start.
        let checked = deploy::check_model(&self.paths.engine_binary, &path).await;
        checked.map_err(|failure| failure_view(&failure))?;
        let model = self.own_models.add(path, facts)?;
        self.host.emit(AppEvent::ModelsChanged);
        Ok(own_view(&model, &*self.snapshot().await?, self.devices()))
    }

    /// True when it was one of the person's own. The files stay.
    pub(crate) fn model_forget(&self, model_id: &str) -> Result<bool, ErrorView> {
        let forgotten = self.own_models.forget(model_id)?;
        if forgotten {
            self.host.emit(AppEvent::ModelsChanged);
        }
        Ok(forgotten)
    }
}

/// As one row of the models, with its verdict for this computer.
pub(crate) fn own_view(model: &OwnModel, snapshot: &::hardware::Snapshot, devices: Devices) -> ModelView {
    let facts = &model.facts;
    let catalogued = ModelFacts {
        id: model.id.clone(),
        name: facts.name.clone(),
        family: catalog::FamilyKind::MoeOriginal,
        note: Sentence {
            en: format!("Your own file: a model of the {} architecture", facts.architecture),
            zh: format!("你自己的文件：{} 架构的模型", facts.architecture),
        },
        params_total: facts.params_total,
        params_active: facts.params_active,
        context_max: facts.context_max,
        takes_images: sees(&model.path),
        hybrid: false,
        licence: String::new(),
        embedded: true,
        rank: 0,
        cache: match facts.cache {
            Cached::Latent { width } => Cache::Latent { layers: facts.layers, width },
            Cached::Heads { kv_heads, head_dim } => Cache::Heads { layers: facts.layers, kv_heads, head_dim },
        },
        shape: None,
        recommended: catalog::Sampling::default(),
        variants: vec![Variant {
            id: "own".into(),
            precision: stored_as(facts),
            size: facts.bytes,
            size_computed: false,
            repo_hugging_face: None,
            repo_model_scope: None,
            files: Vec::new(),
            note: None,
        }],
    };
    let fit = best_fit(snapshot, devices, &catalogued, DEFAULT_CONTEXT, KvDtype::Bf16);
    let problem = check_there(model).err();
    ModelView {
        family: FamilyKind::OwnFile,
        state: if problem.is_some() { ModelState::Failed } else { ModelState::Ready },
        disk_used: facts.bytes as f64,
        recommended: own_sampling(model),
        path: Some(model.path.display().to_string()),
        problem,
        ..model_view(&catalogued, &fit)
    }
}

/// How most numbers are stored, in the name's own words where it ends with them: "Q4_K_M" is a kind of Q4_K.
fn stored_as(facts: &Facts) -> String {
    let last = facts.name.rsplit(['-', '.']).next().unwrap_or_default();
    let named = last.starts_with(&facts.precision) && !facts.precision.is_empty();
    if named { last.to_owned() } else { facts.precision.clone() }
}

/// Files that cannot be read now are told about elsewhere.
fn sees(path: &Path) -> bool {
    config_of(path).ok().flatten().is_some_and(|config| config.images().is_some())
}

/// What its own files advise; where they say nothing, the usual values.
pub(crate) fn own_sampling(model: &OwnModel) -> SamplingView {
    let usual = SamplingView::default();
    SamplingView {
        temperature: model.facts.temperature.unwrap_or(usual.temperature),
        top_p: model.facts.top_p.unwrap_or(usual.top_p),
        ..usual
    }
}

/// # Errors
/// When the files were moved or deleted, or their drive is not connected.
pub(crate) fn check_there(model: &OwnModel) -> Result<(), ErrorView> {
    let holds_files = |folder: &Path| std::fs::read_dir(folder).is_ok_and(|mut files| files.next().is_some());
    if model.path.is_file() || holds_files(&model.path) {
        return Ok(());
    }
    let message = "find the model where it was";
    Err(ErrorView::new(ErrorCode::OwnFileMissing, message)
        .with("path", model.path.display())
        .with("model_id", &model.id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_precision_that_the_name_says_is_said_once() {
        let stored = |name: &str, precision: &str| {
            stored_as(&Facts { name: name.into(), precision: precision.into(), ..Facts::example() })
        };
        assert_eq!(stored("DeepSeek-R1-Distill-Qwen-7B-Q4_K_M", "Q4_K"), "Q4_K_M");
        assert_eq!(stored("model.Q8_0", "Q8_0"), "Q8_0");
        assert_eq!(stored("my-model", "Q4_K"), "Q4_K");
        assert_eq!(stored("my-model", ""), "");
    }
}
