//! The parameters of a worker start: the files, the settings of the model, and API access. Refuses a model
//! that is not on the disk or that the engine does not run. Starts nothing.
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use catalog::{Catalog, FamilyKind};
use contract::{ErrorCode, ErrorView, ModelSettings};
use deploy::WorkerSpec;
use protocol::{PlaceChoice, WeightDtype, WorkerArgs};

use super::Launch;
use crate::convert::{file_problem, runs_here};
use crate::imports::check_there;
use crate::model_settings::RunSettings;
use crate::{App, Paths};

impl App {
    pub(crate) fn launch(&self, model_id: &str) -> Result<Launch, ErrorView> {
        let (model_dir, context_max) = match self.own_models.find(model_id)? {
            Some(model) => {
                check_there(&model)?;
                (model.path, model.facts.context_max)
            }
            None => {
                let on_disk = self.precisions_of(model_id);
                let used = self.precisions.used(model_id, &on_disk).map(|used| used.dir.clone());
                let incomplete =
                    on_disk.iter().find_map(|one| Some((one.contents.problem.as_ref()?, &one.dir)));
                if let Some((problem, dir)) = incomplete.filter(|_| used.is_none()) {
                    return Err(file_problem(problem, dir).with("model_id", model_id));
                }
                files(&self.paths, used, model_id)?
            }
        };
        let chosen = self.model_settings_now(model_id);
        let settings = self.run_settings(model_id, &chosen, context_max);
        let args = WorkerArgs {
            model_name: Some(model_id.to_owned()),
            context: Some(settings.context),
            sequences: settings.sequences,
            place: settings.place,
            threads: settings.threads,
            cache_dtype: Some(settings.cache),
            shrink: settings.shrink,
            speculation: settings.speculation,
            prefix_cache: Some(self.paths.prefix_cache(model_id)),
            ..WorkerArgs::new(model_dir)
        };
        Ok(Launch {
            model_id: model_id.to_owned(),
            spec: WorkerSpec { binary: self.paths.engine_binary.clone(), args: self.sharing.share(args)? },
            unload_after: settings.unload_after,
        })
    }

    /// The settings of a start, after what the selected precision and a lost card demand.
    pub(crate) fn run_settings(
        &self,
        model_id: &str,
        chosen: &ModelSettings,
        context_max: u32,
    ) -> RunSettings {
        let mut settings = RunSettings::resolve(chosen, self.devices().0, context_max);
        settings.shrink = settings.shrink.or_else(|| self.variant_shrink(model_id));
        if self.without_card.load(Ordering::Relaxed) {
            settings.place = PlaceChoice::Cpu;
        }
        settings
    }

    /// The type to which the selected precision of a model requantizes its weights at each start.
    fn variant_shrink(&self, model_id: &str) -> Option<WeightDtype> {
        let on_disk = self.precisions_of(model_id);
        self.precisions.used(model_id, &on_disk)?.variant.shrink
    }

    /// The longest context of a model of this computer; `None` for other models.
    pub(crate) fn context_max(&self, model_id: &str) -> Result<Option<u32>, ErrorView> {
        if let Some(model) = self.own_models.find(model_id)? {
            return Ok(Some(model.facts.context_max));
        }
        Ok(Catalog::builtin().model(model_id).map(|model| model.context_max))
    }
}

/// The files of a model of the catalogue, and its longest context. Accepts ids of the catalogue only, so an
/// id is never a path. `used` is the folder of the selected precision.
fn files(paths: &Paths, used: Option<PathBuf>, model_id: &str) -> Result<(PathBuf, u32), ErrorView> {
    let missing = |message| ErrorView::new(ErrorCode::ModelNotFound, message).with("model_id", model_id);
    let model =
        Catalog::builtin().model(model_id).ok_or_else(|| missing("find the model in the catalogue"))?;
    runs_here(model)?;
    let model_dir = if model.family == FamilyKind::Guide {
        let folder = paths.built_in(model_id);
        if !folder.join("config.json").is_file() {
            let message = "start the model: it is not where this program's own files are";
            return Err(ErrorView::new(ErrorCode::BuiltInMissing, message).with("path", folder.display()));
        }
        folder
    } else {
        used.ok_or_else(|| missing("start the model: it is not downloaded"))?
    };
    Ok((model_dir, model.context_max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_models_that_are_on_the_disk_and_supported_may_start() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = crate::test_app::paths(folder.path());
        let code = |id: &str, used: Option<PathBuf>| files(&paths, used, id).err().map(|error| error.code);
        // Its files come with the program, so a download does not help.
        assert_eq!(code("guide", None), Some(ErrorCode::BuiltInMissing));
        std::fs::create_dir_all(folder.path().join("guide")).expect("is made");
        std::fs::write(folder.path().join("guide/config.json"), "{}").expect("is written");
        assert_eq!(code("guide", None), None);
        assert_eq!(code("../guide", None), Some(ErrorCode::ModelNotFound));
        for model in Catalog::builtin().models().iter().filter(|model| model.family != FamilyKind::Guide) {
            let unsupported = (!model.embedded).then_some(ErrorCode::ModelNotRun);
            assert_eq!(code(&model.id, None), unsupported.or(Some(ErrorCode::ModelNotFound)), "{}", model.id);
            assert_eq!(code(&model.id, Some(folder.path().to_owned())), unsupported, "{}", model.id);
        }
    }
}
