//! The precisions of the catalogue's models on the disk, and which of them is in use. Each has its own
//! folder, so that a download or a deletion never changes another. Knows neither how files are downloaded nor
//! how they are run.
use std::path::{Path, PathBuf};

use catalog::{ModelFacts, Variant};
use contract::{ErrorCode, ErrorView};
use hub::Contents;
use serde::{Deserialize, Serialize};

use crate::list_file::{ListFile, ListKind};

static KIND: ListKind = ListKind {
    list: store::ListKind { file: "precisions.json", field: "precisions", name: "chosen precisions" },
    unreadable: ErrorCode::PrecisionsUnreadable,
};

/// The user's choice for a model with several precisions on the disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct PrecisionChoice {
    model_id: String,
    variant_id: String,
}

/// The user's choices.
pub(crate) struct Precisions(ListFile<PrecisionChoice>);

/// One precision on the disk, complete or partial.
pub(crate) struct Precision {
    pub variant: &'static Variant,
    /// Its folder name in the folder of models.
    pub folder: String,
    pub dir: PathBuf,
    pub contents: Contents,
}

impl Precisions {
    /// As [`ListFile::open`].
    pub(crate) fn open(data_dir: &Path) -> (Self, Option<ErrorView>) {
        let (list, problem) = ListFile::open(data_dir, &KIND);
        (Self(list), problem)
    }

    fn choice(&self, model_id: &str) -> Option<String> {
        let all = self.0.all().unwrap_or_default();
        all.into_iter().find(|choice| choice.model_id == model_id).map(|choice| choice.variant_id)
    }

    pub(super) fn choose(&self, model_id: &str, variant_id: &str) -> Result<(), ErrorView> {
        let choice = PrecisionChoice { model_id: model_id.to_owned(), variant_id: variant_id.to_owned() };
        self.0.change(|all| {
            all.retain(|known| known.model_id != model_id);
            all.push(choice);
        })
    }

    /// The complete precision that chats use: the user's choice, or else the one that was verified first.
    pub(crate) fn used<'a>(&self, model_id: &str, on_disk: &'a [Precision]) -> Option<&'a Precision> {
        let complete = || on_disk.iter().filter(|precision| precision.contents.verified_at.is_some());
        let choice = self.choice(model_id);
        complete()
            .find(|precision| Some(&precision.variant.id) == choice.as_ref())
            .or_else(|| complete().min_by_key(|precision| precision.contents.verified_at))
    }
}

pub(crate) fn on_disk(models_dir: &Path, model: &'static ModelFacts) -> Vec<Precision> {
    let precision = |variant: &'static Variant| {
        let folder = folder(models_dir, model, variant);
        let contents = hub::contents(models_dir, &folder)?;
        Some(Precision { variant, dir: models_dir.join(&folder), folder, contents })
    };
    model.variants.iter().filter_map(precision).collect()
}

/// The folder of a precision. Earlier versions had one folder per model, which stays the folder of the
/// precision in it.
pub(crate) fn folder(models_dir: &Path, model: &ModelFacts, variant: &Variant) -> String {
    let own = format!("{}@{}", model.id, variant.id);
    if !models_dir.join(&own).is_dir() && legacy_variant(models_dir, model).is_some_and(|id| id == variant.id)
    {
        return model.id.clone();
    }
    own
}

/// The precision in the folder of an earlier version, determined by its repository and its files.
fn legacy_variant<'a>(models_dir: &Path, model: &'a ModelFacts) -> Option<&'a str> {
    let contents = hub::contents(models_dir, &model.id)?;
    let of_repository = |variant: &&Variant| {
        [&variant.repo_hugging_face, &variant.repo_model_scope]
            .into_iter()
            .flatten()
            .any(|repo| *repo == contents.repo)
    };
    let matching = |variant: &&Variant| {
        contents.files.iter().filter(|path| hub::matches_globs(&variant.files, path)).count()
    };
    let known = model.variants.iter().filter(of_repository).max_by_key(matching);
    // The catalogue does not name the repository any more: a precision with the same file format.
    let gguf = contents.files.iter().any(|path| path.ends_with(".gguf"));
    let same_format = || model.variants.iter().find(|variant| variant.is_gguf() == gguf);
    known.or_else(same_format).map(|variant| variant.id.as_str())
}

#[cfg(test)]
mod tests {
    use catalog::Catalog;

    use super::*;

    const MODEL: &str = "deepseek-r1";

    fn model() -> &'static ModelFacts {
        Catalog::builtin().model(MODEL).expect("is known")
    }

    /// A folder as a finished download leaves it.
    fn install(models: &Path, folder: &str, repo: &str, file: &str, verified_at: u64) {
        let dir = models.join(folder);
        std::fs::create_dir_all(dir.join(file).parent().expect("a folder")).expect("is made");
        std::fs::write(dir.join(file), "abc").expect("is written");
        let manifest = serde_json::json!({
            "version": 1, "repo": repo, "source": "hugging_face", "revision": "c1", "verified_at": verified_at,
            "files": [{"path": file, "size": 3, "sha256": "00"}],
        });
        std::fs::write(dir.join("model.json"), manifest.to_string()).expect("is written");
    }

    #[test]
    fn a_folder_of_an_earlier_version_is_of_the_precision_that_it_holds() {
        let check = |repo: &str, file: &str, expect: &str| {
            let models = tempfile::tempdir().expect("a folder");
            install(models.path(), MODEL, repo, file, 1);
            let on_disk = on_disk(models.path(), model());
            let found: Vec<_> = on_disk.iter().map(|one| (&*one.variant.id, &*one.folder)).collect();
            assert_eq!(found, [(expect, MODEL)]);
            let other =
                model().variants.iter().find(|variant| variant.id != expect).expect("there are several");
            assert_eq!(folder(models.path(), model(), other), format!("{MODEL}@{}", other.id));
        };
        check("deepseek-ai/DeepSeek-R1", "model-00001-of-00163.safetensors", "fp8");
        check("unsloth/DeepSeek-R1-GGUF", "DeepSeek-R1-Q4_K_M/R1-Q4_K_M-00001-of-00009.gguf", "q4_k_m");
        check("unsloth/DeepSeek-R1-GGUF", "DeepSeek-R1.Q8_0/R1.Q8_0-00001-of-00015.gguf", "q8_0");
        check("somebody/R1-GGUF", "old.gguf", "q8_0");
    }

    #[test]
    fn the_one_that_was_first_is_used_until_another_is_chosen() {
        let (data, models) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let (precisions, problem) = Precisions::open(data.path());
        assert_eq!(problem, None);
        let repo = "unsloth/DeepSeek-R1-GGUF";
        install(models.path(), "deepseek-r1@q8_0", repo, "R1-Q8_0.gguf", 20);
        install(models.path(), "deepseek-r1@q4_k_m", repo, "R1-Q4_K_M.gguf", 10);
        // A partial download is never used.
        std::fs::create_dir_all(models.path().join("deepseek-r1@fp8")).expect("is made");
        std::fs::write(models.path().join("deepseek-r1@fp8/a.safetensors.part"), "a").expect("is written");
        let used = || {
            let on_disk = on_disk(models.path(), model());
            precisions.used(MODEL, &on_disk).map(|one| one.variant.id.clone())
        };
        assert_eq!(used().as_deref(), Some("q4_k_m"));
        precisions.choose(MODEL, "q8_0").expect("is kept");
        assert_eq!(used().as_deref(), Some("q8_0"));
        std::fs::remove_dir_all(models.path().join("deepseek-r1@q8_0")).expect("is removed");
        assert_eq!(used().as_deref(), Some("q4_k_m"), "what is chosen and gone is not used");
    }
}
