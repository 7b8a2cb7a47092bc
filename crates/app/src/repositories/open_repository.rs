//! A repository as its source listed it, and what of it a text or a name leaves. The last one that was looked
//! at is kept, so that each check of a precision does not ask for the list again.
use std::sync::Arc;

use contract::{ErrorCode, ErrorView, SourceKind};
use hub::{FileGroup, FileGroups, Reference, RemoteFile, Terms};
use parking_lot::Mutex;

use super::remote::Remote;

/// A repository that a text names, as its source lists it now.
pub(crate) struct OpenRepository {
    pub(super) reference: Reference,
    pub(super) source: SourceKind,
    pub(super) remote: Remote,
    pub(super) terms: Terms,
    pub(super) groups: FileGroups,
}

/// The last one that was looked at.
#[derive(Default)]
pub(crate) struct LastRepository(Mutex<Option<Arc<OpenRepository>>>);

impl LastRepository {
    pub(super) fn keep(&self, open: Arc<OpenRepository>) {
        *self.0.lock() = Some(open);
    }

    pub(super) fn find(&self, repo: &str, source: SourceKind) -> Option<Arc<OpenRepository>> {
        self.0.lock().clone().filter(|open| open.reference.repo == repo && open.source == source)
    }
}

impl OpenRepository {
    /// The groups that the text and a name leave; at least one.
    pub(super) fn matching(&self, group: Option<&str>) -> Result<Vec<&FileGroup>, ErrorView> {
        let named = |one: &&FileGroup| group.is_none_or(|name| one.name.eq_ignore_ascii_case(name));
        let left: Vec<&FileGroup> = self.groups.matching(&self.reference).into_iter().filter(named).collect();
        if !left.is_empty() {
            return Ok(left);
        }
        let is_named = |file: &&RemoteFile| self.reference.path.as_ref() == Some(&file.path);
        let alone = self.groups.projectors.first().filter(|_| self.groups.groups.is_empty());
        if let Some(projector) = self.groups.projectors.iter().find(is_named).or(alone) {
            let message = "find a model in the repository: the file reads images for one";
            let path = format!("{}/{}", self.reference.repo, projector.path);
            return Err(ErrorView::new(ErrorCode::ProjectorAlone, message).with("path", path));
        }
        if self.groups.groups.is_empty() {
            let message =
                "find a model in the repository: it has neither GGUF nor safetensors with config.json";
            return Err(ErrorView::new(ErrorCode::NotAModel, message).with("path", &self.reference.repo));
        }
        Err(self.unknown())
    }

    pub(super) fn unknown(&self) -> ErrorView {
        let all: Vec<&FileGroup> = self.groups.groups.iter().collect();
        self.choice(ErrorCode::PrecisionUnknown, "find the precision in the repository", &all)
    }

    pub(super) fn several(&self, groups: &[&FileGroup]) -> ErrorView {
        self.choice(ErrorCode::PrecisionNeeded, "choose a precision of the repository", groups)
    }

    fn choice(&self, code: ErrorCode, message: &str, groups: &[&FileGroup]) -> ErrorView {
        let names: Vec<&str> = groups.iter().map(|group| &*group.name).collect();
        // The middle of the sizes is a better example than the smallest.
        let repo = &self.reference.repo;
        let example =
            names.get(names.len() / 2).map_or_else(|| repo.clone(), |name| format!("{repo}:{name}"));
        ErrorView::new(code, message)
            .with("repo", repo)
            .with("allowed", names.join(", "))
            .with("example", example)
    }
}
