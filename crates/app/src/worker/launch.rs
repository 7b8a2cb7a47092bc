//! The parameters of a worker start: the files, the context length, and API access. Refuses a model that is
//! not on the disk or that the engine does not run. Starts nothing.
use std::path::PathBuf;

use catalog::{Catalog, DEFAULT_CONTEXT, FamilyKind};
use contract::{ErrorCode, ErrorView};
use deploy::WorkerSpec;
use protocol::PlaceChoice;

use super::Launch;
use crate::convert::file_problem;
use crate::imports::check_there;
use crate::{App, Paths};

impl App {
    pub(crate) fn launch(&self, model_id: &str) -> Result<Launch, ErrorView> {
        let mut launch = self.launch_without_access(model_id)?;
        launch.spec.api_access = self.sharing.access()?;
        launch.spec.place = self.devices().0;
        Ok(launch)
    }

    /// The longest context of a model of this computer; `None` for other models.
    pub(crate) fn context_max(&self, model_id: &str) -> Result<Option<u32>, ErrorView> {
        if let Some(model) = self.own_models.find(model_id)? {
            return Ok(Some(model.facts.context_max));
        }
        Ok(Catalog::builtin().model(model_id).map(|model| model.context_max))
    }

    fn launch_without_access(&self, model_id: &str) -> Result<Launch, ErrorView> {
        let chosen = self.settings_now().contexts.get(model_id).copied();
        if let Some(model) = self.own_models.find(model_id)? {
            check_there(&model)?;
            return Ok(with_context(&self.paths, model.path, model_id, model.facts.context_max, chosen));
        }
        let on_disk = self.precisions_of(model_id);
        let used = self.precisions.used(model_id, &on_disk).map(|used| used.dir.clone());
        let incomplete = on_disk.iter().find_map(|one| Some((one.contents.problem.as_ref()?, &one.dir)));
        if let Some((problem, dir)) = incomplete.filter(|_| used.is_none()) {
            return Err(file_problem(problem, dir).with("model_id", model_id));
        }
        launch(&self.paths, used, model_id, chosen)
    }
}

/// Accepts ids of the catalogue only, so an id is never a path. `used` is the folder of the selected
/// precision.
fn launch(
    paths: &Paths,
    used: Option<PathBuf>,
    model_id: &str,
    chosen: Option<u32>,
) -> Result<Launch, ErrorView> {
    let missing = |message| ErrorView::new(ErrorCode::ModelNotFound, message).with("model_id", model_id);
    let model =
        Catalog::builtin().model(model_id).ok_or_else(|| missing("find the model in the catalogue"))?;
    if !model.embedded {
        let message = "start the model: the engine of this version cannot run it";
        return Err(ErrorView::new(ErrorCode::ModelUnsupported, message).with("model_id", model_id));
    }
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
    Ok(with_context(paths, model_dir, model_id, model.context_max, chosen))
}

fn with_context(
    paths: &Paths,
    model_dir: PathBuf,
    model_id: &str,
    context_max: u32,
    chosen: Option<u32>,
) -> Launch {
    let spec = WorkerSpec {
        binary: paths.engine_binary.clone(),
        model_dir,
        model_name: model_id.to_owned(),
        context: context_max.min(chosen.unwrap_or(DEFAULT_CONTEXT)),
        place: PlaceChoice::Auto,
        api_access: None,
    };
    Launch { model_id: model_id.to_owned(), spec }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_models_that_are_on_the_disk_and_supported_may_start() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = crate::test_app::paths(folder.path());
        let code =
            |id: &str, used: Option<PathBuf>| launch(&paths, used, id, None).err().map(|error| error.code);
        // Its files come with the program, so a download does not help.
        assert_eq!(code("guide", None), Some(ErrorCode::BuiltInMissing));
        std::fs::create_dir_all(folder.path().join("guide")).expect("is made");
        std::fs::write(folder.path().join("guide/config.json"), "{}").expect("is written");
        assert_eq!(code("guide", None), None);
        assert_eq!(code("../guide", None), Some(ErrorCode::ModelNotFound));
        for model in Catalog::builtin().models().iter().filter(|model| model.family != FamilyKind::Guide) {
            let unsupported = (!model.embedded).then_some(ErrorCode::ModelUnsupported);
            assert_eq!(code(&model.id, None), unsupported.or(Some(ErrorCode::ModelNotFound)), "{}", model.id);
            assert_eq!(code(&model.id, Some(folder.path().to_owned())), unsupported, "{}", model.id);
        }
    }
}
