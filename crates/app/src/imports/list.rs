//! The list of models outside the catalogue: the path of each, the facts of its files when it was added, and
//! the repository of one that was downloaded. Imported files are never copied, changed or deleted. The list
//! is read at each use, because the window and the command line share it.
use std::path::{Path, PathBuf};

use contract::{ErrorCode, ErrorView, SourceKind};
use serde::{Deserialize, Serialize};

use super::inspect::ModelFileFacts;
use crate::list_file::{ListFile, ListKind};

static KIND: ListKind = ListKind {
    list: store::ListKind { file: "own-models.json", field: "models", name: "own models" },
    unreadable: ErrorCode::OwnModelsUnreadable,
};
/// No id of a catalogue model has this prefix.
const PREFIX: &str = "own-";

/// One imported model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct OwnModel {
    pub id: String,
    /// The absolute path of a folder or a `.gguf` file.
    pub path: PathBuf,
    pub facts: ModelFileFacts,
    /// `None` for an imported model, whose files are the user's.
    #[serde(default)]
    pub downloaded: Option<DownloadedFrom>,
}

/// Where a model outside the catalogue was downloaded from, and the folder that is deleted with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct DownloadedFrom {
    pub source: SourceKind,
    pub repo: String,
    /// The name of the group of files, usually its precision.
    pub group: String,
    pub models_dir: PathBuf,
    /// Its name in the folder of models.
    pub folder: String,
}

pub(crate) struct OwnModels(ListFile<OwnModel>);

impl OwnModels {
    /// As [`ListFile::open`].
    pub(crate) fn open(data_dir: &Path) -> (Self, Option<ErrorView>) {
        let (list, problem) = ListFile::open(data_dir, &KIND);
        (Self(list), problem)
    }

    /// All imported models, the oldest first.
    pub(crate) fn all(&self) -> Result<Vec<OwnModel>, ErrorView> {
        self.0.all()
    }

    /// `None` for an id that is not in this list.
    pub(crate) fn find(&self, id: &str) -> Result<Option<OwnModel>, ErrorView> {
        if !id.starts_with(PREFIX) {
            return Ok(None);
        }
        Ok(self.all()?.into_iter().find(|model| model.id == id))
    }

    /// Adds a model, or updates the facts of one with the same path. A downloaded one stays downloaded when
    /// it is imported.
    pub(crate) fn add(
        &self,
        path: PathBuf,
        facts: ModelFileFacts,
        downloaded: Option<DownloadedFrom>,
    ) -> Result<OwnModel, ErrorView> {
        self.0.change(|models| {
            if let Some(known) = models.iter_mut().find(|model| model.path == path) {
                known.facts = facts;
                known.downloaded = downloaded.or(known.downloaded.take());
                return known.clone();
            }
            let model = OwnModel { id: free_id(models, &facts.name), path, facts, downloaded };
            models.push(model.clone());
            model
        })
    }

    /// Returns whether the list had the model. The files stay.
    pub(crate) fn forget(&self, id: &str) -> Result<bool, ErrorView> {
        if self.find(id)?.is_none() {
            return Ok(false);
        }
        self.0.change(|models| models.retain(|model| model.id != id))?;
        Ok(true)
    }
}

/// An id made of the name in ASCII letters and digits, with a number when it is taken.
fn free_id(models: &[OwnModel], name: &str) -> String {
    let plain: String = name
        .to_lowercase()
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || letter == '.' { letter } else { '-' })
        .collect();
    let words: Vec<&str> = plain.split('-').filter(|word| !word.is_empty()).collect();
    let base = format!("{PREFIX}{}", if words.is_empty() { "model".to_owned() } else { words.join("-") });
    let taken = |id: &str| models.iter().any(|model| model.id == id);
    let numbered = (2u32..).map(|number| format!("{base}-{number}"));
    std::iter::once(base.clone()).chain(numbered).find(|id| !taken(id)).unwrap_or(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(name: &str) -> ModelFileFacts {
        ModelFileFacts { name: name.into(), ..ModelFileFacts::example() }
    }

    #[test]
    fn what_is_added_is_there_for_another_process_and_forgotten_on_request() {
        let folder = tempfile::tempdir().expect("a folder");
        let (list, problem) = OwnModels::open(folder.path());
        assert_eq!(problem, None);
        let one = list.add("/m/one".into(), facts("My Model (v2)"), None).expect("is added");
        let two = list.add("/m/two".into(), facts("my model, V2"), None).expect("is added");
        assert_eq!((one.id.as_str(), two.id.as_str()), ("own-my-model-v2", "own-my-model-v2-2"));
        let again = list.add("/m/one".into(), facts("renewed"), None).expect("is renewed");
        assert_eq!((again.id, again.facts.name.as_str()), (one.id.clone(), "renewed"));

        let (other, _) = OwnModels::open(folder.path());
        assert_eq!(other.find(&two.id).expect("reads"), Some(two));
        assert!(other.forget(&one.id).expect("forgets"));
        assert!(!list.forget(&one.id).expect("was not there"));
        assert_eq!(list.find("guide").expect("reads"), None);
    }

    #[test]
    fn a_list_that_cannot_be_read_is_kept_and_told() {
        for text in ["{\"version\":1,\"models\":", "{\"version\":9,\"models\":[]}"] {
            let folder = tempfile::tempdir().expect("a folder");
            std::fs::write(folder.path().join(KIND.list.file), text).expect("is written");
            let (list, problem) = OwnModels::open(folder.path());
            let problem = problem.expect("an error");
            assert_eq!(problem.code, ErrorCode::OwnModelsUnreadable);
            assert_eq!(std::fs::read_to_string(&problem.detail["path"]).expect("was kept"), text);
            assert_eq!(list.all().expect("is empty now"), []);
        }
    }
}
