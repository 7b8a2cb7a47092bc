//! Repositories of a source by their names: what a search finds, and what one holds, with a verdict for this
//! computer before it is downloaded. Amounts are in bytes.
use serde::{Deserialize, Serialize};
use specta::Type;

use crate::{ErrorView, FitView, SourceKind};

/// A repository that a search found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct RepositoryHitView {
    /// `owner/name`.
    pub repo: String,
    pub source: SourceKind,
    pub downloads: Option<f64>,
    pub likes: Option<f64>,
    /// As the source writes it, such as `mit`.
    pub licence: Option<String>,
    /// Its makers grant access one by one.
    pub gated: bool,
    /// It has GGUF files; `None` where the source does not say.
    pub gguf: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct RepositoryView {
    /// `owner/name`.
    pub repo: String,
    pub source: SourceKind,
    pub licence: Option<String>,
    pub gated: bool,
    /// What can be downloaded of it, the smallest first.
    pub groups: Vec<FileGroupView>,
    /// Files that read images for one of the models (mmproj) and are not downloaded.
    pub projectors: Vec<String>,
}

/// Files of a repository that are downloaded together: one precision, with all its shards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct FileGroupView {
    /// What names it behind the colon of `owner/name:…`.
    pub name: String,
    /// "Q4_K_M", "BF16"; empty where neither names nor files say it.
    pub precision: String,
    pub size: f64,
    pub files: u32,
    /// The usual name of the architecture, such as "DeepSeek-V3"; `None` with a problem.
    pub architecture: Option<String>,
    /// Total parameters.
    pub params_total: Option<f64>,
    pub context_max: Option<u32>,
    pub fit: Option<FitView>,
    /// Why it cannot run here, or why that is not known.
    pub problem: Option<ErrorView>,
    /// The facts are those of its own files. Otherwise they are of another precision of the same model, with
    /// its own size.
    pub own_facts: bool,
}
