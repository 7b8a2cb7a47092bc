//! The models as use cases: the catalogue with a verdict for this computer, the recommendation and the
//! presets. Downloads and imports are elsewhere.
use catalog::{Catalog, DEFAULT_CONTEXT, KvDtype, ModelFacts, Variant, best_fit};
use contract::{
    DownloadState, DownloadView, ErrorCode, ErrorView, ModelState, ModelView, PrecisionView, PresetView,
    RecommendationView, SamplingView,
};

use crate::App;
use crate::cloud::cloud_sampling;
use crate::convert::{
    file_problem, linked_view, model_view, preset_view, recommendation_view, sampling_view,
};
use crate::imports::{OwnModels, own_sampling, own_view};
use crate::model_ref::{cloud_model, deployment_model};

impl App {
    /// Every model of the catalogue, the variant of the verdict first; then the imported models.
    pub async fn models(&self) -> Result<Vec<ModelView>, ErrorView> {
        let snapshot = self.snapshot().await?;
        let view = |model: &'static ModelFacts| {
            let fit = best_fit(&snapshot, self.devices(), model, DEFAULT_CONTEXT, KvDtype::Bf16);
            let mut view = model_view(model, &fit);
            view.precisions = self.precision_views(model);
            view.disk_used = view.precisions.iter().map(|one| one.disk_used).sum();
            view.linked = view.precisions.iter().flat_map(|one| one.linked.clone()).collect();
            view.download = view.precisions.iter().find_map(|one| one.download.clone());
            let ready = view.precisions.iter().find(|one| one.state == ModelState::Ready);
            if let Some(one) = ready.or_else(|| view.precisions.first()) {
                view.state = one.state;
            }
            view
        };
        let own = self.own_models.all()?;
        let own = own.iter().map(|model| own_view(model, &snapshot, self.devices()));
        Ok(Catalog::builtin().models().iter().map(view).chain(own).collect())
    }

    /// The precisions of a model that are on the disk or being downloaded, in the order of the catalogue.
    fn precision_views(&self, model: &'static ModelFacts) -> Vec<PrecisionView> {
        let on_disk = self.precisions_of(&model.id);
        let used = self.precisions.used(&model.id, &on_disk).map(|used| &used.variant.id);
        let mut downloads = self.downloads.of_model(&model.id);
        let view = |variant: &Variant| {
            let one = on_disk.iter().find(|one| one.variant.id == variant.id);
            let at = downloads.iter().position(|download| download.variant_id == variant.id);
            let download = at.map(|at| downloads.swap_remove(at));
            let complete = one.is_some_and(|one| one.contents.verified_at.is_some());
            if download.is_none() && one.is_none() {
                return None;
            }
            let problem = one.and_then(|one| Some(file_problem(one.contents.problem.as_ref()?, &one.dir)));
            // Partial files without a download are from an earlier one that is not in the list any more.
            let without_download = match (complete, &problem) {
                (true, _) => ModelState::Ready,
                (false, Some(_)) => ModelState::Failed,
                (false, None) => ModelState::Paused,
            };
            Some(PrecisionView {
                variant_id: variant.id.clone(),
                precision: variant.precision.clone(),
                state: download.as_ref().map_or(without_download, state_of),
                disk_used: one.map_or(0.0, |one| one.contents.bytes as f64),
                linked: one.map_or_else(Vec::new, |one| linked_view(&one.contents.linked)),
                problem: problem.filter(|_| download.is_none()),
                in_use: used == Some(&variant.id),
                download,
            })
        };
        model.variants.iter().filter_map(view).collect()
    }

    /// The sampling that the maker of the model recommends.
    pub(crate) fn recommended_sampling(&self, model_id: &str) -> Result<SamplingView, ErrorView> {
        match deployment_model(model_id) {
            Some(id) => self.deployments.recommended_sampling(&id),
            None => catalogue_sampling(&self.own_models, model_id),
        }
    }

    pub async fn recommendation(&self) -> Result<RecommendationView, ErrorView> {
        let snapshot = self.snapshot().await?;
        // Complete models only: a partial download still needs disk space.
        let complete = |model: &&ModelFacts| {
            self.precisions_of(&model.id).iter().any(|one| one.contents.verified_at.is_some())
        };
        let on_disk: Vec<String> =
            Catalog::builtin().models().iter().filter(complete).map(|model| model.id.clone()).collect();
        let advice = catalog::recommend(&snapshot, self.devices(), Catalog::builtin(), &on_disk);
        Ok(recommendation_view(advice, &self.devices().idle(&snapshot)))
    }

    pub async fn presets(&self) -> Result<Vec<PresetView>, ErrorView> {
        let mut presets: Vec<_> = Catalog::builtin().presets().iter().map(preset_view).collect();
        presets.push(recommended_preset());
        Ok(presets)
    }
}

fn state_of(download: &DownloadView) -> ModelState {
    match download.state {
        DownloadState::Listing | DownloadState::Transferring => ModelState::Downloading,
        DownloadState::Paused => ModelState::Paused,
        DownloadState::Verifying => ModelState::Verifying,
        DownloadState::Ready => ModelState::Ready,
        DownloadState::Failed => ModelState::Failed,
    }
}

/// The preset of new chats with a DeepSeek model.
fn recommended_preset() -> PresetView {
    let (name, what_for) = messages::recommended_preset();
    PresetView {
        id: "deepseek".into(),
        name,
        what_for,
        sampling: SamplingView { temperature: 0.6, top_p: 0.95, ..SamplingView::default() },
    }
}

/// The sampling that the maker of a model recommends.
///
/// # Errors
/// When the model is not known.
pub(crate) fn catalogue_sampling(own: &OwnModels, model_id: &str) -> Result<SamplingView, ErrorView> {
    if cloud_model(model_id).is_some() {
        return Ok(cloud_sampling());
    }
    if let Some(model) = own.find(model_id)? {
        return Ok(own_sampling(&model));
    }
    let unknown = || ErrorView::new(ErrorCode::ModelNotFound, "find the model").with("model_id", model_id);
    Catalog::builtin().model(model_id).map(|model| sampling_view(&model.recommended)).ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sampling_is_the_makers_own_and_unknown_models_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let (own, _) = OwnModels::open(folder.path());
        assert_eq!(catalogue_sampling(&own, "guide").expect("is known").temperature, 0.0);
        let refused = catalogue_sampling(&own, "nobody").expect_err("is unknown");
        assert_eq!((refused.code, refused.detail["model_id"].as_str()), (ErrorCode::ModelNotFound, "nobody"));
    }

    #[test]
    fn the_variant_of_the_verdict_comes_first() {
        for model in Catalog::builtin().models() {
            for variant in &model.variants {
                let snapshot = ::hardware::snapshot(std::path::Path::new("/"));
                let mut fit = best_fit(&snapshot, catalog::Devices::AUTO, model, 2048, KvDtype::Bf16);
                fit.variant_id = variant.id.clone();
                assert_eq!(model_view(model, &fit).variants[0].id, variant.id);
            }
        }
    }
}
