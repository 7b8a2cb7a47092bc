//! Downloads models, verifies them against the digests of the source, and manages the models folder.
//! It does not know the catalogue of models, nor how they are run.

mod block_digests;
mod connection;
mod digest;
mod download;
mod error;
mod file_response;
mod glob;
mod hub;
mod job;
mod listing;
mod lock;
mod manifest;
mod models_folder;
mod names;
mod progress;
mod resume_state;
mod source;
mod timing;
mod transfer;

pub use digest::Digest;
pub use download::FreeSpace;
pub use error::HubError;
pub use glob::matches_globs;
pub use hub::Hub;
pub use job::Job;
pub use listing::{Listing, RemoteFile};
pub use manifest::{Manifest, ManifestFile};
pub use models_folder::{Contents, InstalledModel, contents, installed, remove};
pub use names::check_path;
pub use progress::{FileProgress, OnProgress, Phase, Progress};
pub use source::{Source, SourceKind};
pub use timing::Timing;
pub use tokio_util::sync::CancellationToken;
