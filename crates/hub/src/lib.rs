//! Downloads models, checks every byte against what the source announced, and keeps the folder of them.
//! It does not know which models are worth having, nor how they are run.

mod answer;
mod connection;
mod digest;
mod download;
mod error;
mod glob;
mod hub;
mod lock;
mod names;
mod pin;
mod progress;
mod source;
mod store;
mod sums;
mod transfer;

pub use digest::Digest;
pub use download::Job;
pub use error::HubError;
pub use glob::wanted;
pub use hub::{FreeSpace, Hub, Timing};
pub use names::check_path;
pub use progress::{FileProgress, OnProgress, Phase, Progress};
pub use source::{Listing, RemoteFile, Source, SourceKind};
pub use store::{Contents, Installed, Manifest, ManifestFile, contents, installed, remove};
pub use tokio_util::sync::CancellationToken;
