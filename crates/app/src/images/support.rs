//! Which models accept images: by the configuration of the files on the disk, or else by the catalogue. It is
//! unknown for a model of a cloud service.
use std::path::Path;

use catalog::Catalog;
use checkpoint::ModelConfig;
use contract::{ErrorCode, ErrorView, FamilyKind, ModelState, ModelView, SightOffer, Verdict};
use vision::Tiling;

use crate::App;
use crate::model_ref::cloud_model;

/// Whether a model accepts images.
pub(crate) enum ImageSupport {
    TextOnly,
    /// Only its service knows.
    Unknown,
    /// It does, but its tiling is not known without its files.
    NotDownloaded,
    Supported {
        tiling: Tiling,
        /// The context length, in tokens.
        context: u32,
    },
}

impl App {
    pub(crate) fn image_support(&self, model_id: &str) -> Result<ImageSupport, ErrorView> {
        if cloud_model(model_id).is_some() {
            return Ok(ImageSupport::Unknown);
        }
        let launch = match self.launch(model_id) {
            Ok(launch) => launch,
            Err(error) if error.code == ErrorCode::ModelNotFound => {
                let known = Catalog::builtin().model(model_id).ok_or(error)?;
                return Ok(if known.takes_images {
                    ImageSupport::NotDownloaded
                } else {
                    ImageSupport::TextOnly
                });
            }
            Err(error) => return Err(error),
        };
        let Some(config) = config_of(&launch.spec.args.model)? else { return Ok(ImageSupport::TextOnly) };
        let Some(images) = config.images() else { return Ok(ImageSupport::TextOnly) };
        let max = u32::try_from(config.decoder().max_position_embeddings).unwrap_or(u32::MAX);
        Ok(ImageSupport::Supported { tiling: Tiling::from(images), context: launch.context().min(max) })
    }

    /// A model that accepts images, for a user whose model does not: one that is ready, or the largest that
    /// this computer runs well, or another that it can run.
    pub(crate) async fn vision_model_offer(&self) -> Result<Option<SightOffer>, ErrorView> {
        let models = self.models().await?;
        let vision: Vec<&ModelView> =
            models.iter().filter(|model| model.takes_images && model.runs_embedded).collect();
        Ok(best(&vision).map(|model| SightOffer {
            model_id: model.id.clone(),
            name: model.name.clone(),
            ready: ready(model),
            size: model.variants.first().map_or(model.disk_used, |variant| variant.size),
        }))
    }
}

fn ready(model: &ModelView) -> bool {
    matches!(model.state, ModelState::BuiltIn | ModelState::Ready)
}

fn best<'a>(vision: &[&'a ModelView]) -> Option<&'a ModelView> {
    let size = |model: &&&ModelView| model.params_total as u64;
    // A built-in model is small, so it is the last choice.
    let real = || vision.iter().filter(|model| model.family != FamilyKind::Guide);
    let of = |verdict| real().filter(move |model| model.fit.verdict == verdict);
    real()
        .filter(|model| ready(model))
        .max_by_key(size)
        .or_else(|| of(Verdict::RunsWell).max_by_key(size))
        .or_else(|| of(Verdict::ShortContext).max_by_key(size))
        .or_else(|| of(Verdict::Slow).min_by_key(size))
        .or_else(|| vision.iter().find(|model| model.family == FamilyKind::Guide))
        .copied()
}

/// The configuration of a model; `None` for a GGUF file, whose models are text-only.
pub(crate) fn config_of(model: &Path) -> Result<Option<ModelConfig>, ErrorView> {
    if !model.join("config.json").is_file() {
        return Ok(None);
    }
    ModelConfig::read(model).map(Some).map_err(|error| {
        ErrorView::new(ErrorCode::ModelFileInvalid, error.to_string()).with("path", model.display())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use catalog::{DEFAULT_CONTEXT, Devices, KvDtype, best_fit};

    #[test]
    fn what_is_ready_comes_first_and_then_what_runs_well() {
        let snapshot = ::hardware::snapshot(Path::new("/"));
        let view = |id: &str| {
            let model = Catalog::builtin().model(id).expect("is known");
            let fit = best_fit(&snapshot, Devices::CPU, model, DEFAULT_CONTEXT, KvDtype::Bf16);
            crate::convert::model_view(model, &fit)
        };
        let verdict = |mut model: ModelView, verdict| {
            model.fit.verdict = verdict;
            model
        };
        let large = verdict(view("deepseek-vl2"), Verdict::TooLarge);
        let small = verdict(view("deepseek-vl2-small"), Verdict::Slow);
        let tiny = verdict(view("deepseek-vl2-tiny"), Verdict::Slow);
        let id = |models: &[&ModelView]| best(models).map(|model| model.id.clone());
        assert_eq!(id(&[&large]), None, "nothing that does not fit is offered");
        assert_eq!(
            id(&[&large, &small, &tiny]).as_deref(),
            Some("deepseek-vl2-tiny"),
            "the quickest of the slow"
        );
        let well = [verdict(small.clone(), Verdict::RunsWell), verdict(tiny.clone(), Verdict::RunsWell)];
        assert_eq!(id(&[&large, &well[1], &well[0]]).as_deref(), Some("deepseek-vl2-small"));
        let here = ModelView { state: ModelState::Ready, ..tiny };
        assert_eq!(id(&[&large, &well[0], &here]).as_deref(), Some("deepseek-vl2-tiny"));
        let guide = ModelView { id: "eyes".into(), takes_images: true, ..view("guide") };
        assert_eq!(id(&[&large, &guide]).as_deref(), Some("eyes"));
        assert_eq!(id(&[&guide, &well[0]]).as_deref(), Some("deepseek-vl2-small"));
    }
}
