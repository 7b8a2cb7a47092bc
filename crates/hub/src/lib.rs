//! Finds models on their sources, downloads them, verifies them against the digests of the source, and
//! manages the models folder.
//! It does not know the catalogue of models, nor how they are run.

mod block_digests;
mod browse;
mod connection;
mod digest;
mod download;
mod error;
mod file_groups;
mod file_response;
mod glob;
mod hub;
mod job;
mod listing;
mod local_files;
mod lock;
mod manifest;
mod models_folder;
mod names;
mod precision_name;
mod progress;
mod reference;
mod resume_state;
mod search;
mod source;
mod timing;
mod transfer;

pub use browse::Repository;
pub use digest::Digest;
pub use download::FreeSpace;
pub use error::HubError;
pub use file_groups::{FileFormat, FileGroup, FileGroups};
pub use glob::matches_globs;
pub use hub::Hub;
pub use job::Job;
pub use listing::{Listing, RemoteFile, Terms};
pub use local_files::{FindLocal, LinkedFile, LocalFile};
pub use manifest::{FileProblem, Manifest, ManifestFile};
pub use models_folder::{Contents, InstalledModel, contents, installed, problem, remove};
pub use names::check_path;
pub use progress::{FileProgress, OnProgress, Phase, Progress};
pub use reference::{Reference, ReferenceError};
pub use search::SearchHit;
pub use source::{Source, SourceKind};
pub use timing::Timing;
pub use tokio_util::sync::CancellationToken;
