//! The files of a repository, as the API of its source lists them.
//! It does not know how bytes are written to the disk, nor which files of a repository are selected.

mod hugging_face;
mod model_scope;

use crate::connection::Connection;
use crate::names::check_path;
use crate::{Digest, HubError, SourceKind};

/// A file in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteFile {
    pub path: String,
    pub size: u64,
    /// If absent, only the size can be verified.
    pub digest: Option<Digest>,
}

/// The files of a repository at one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The commit of all files, so that a push during the download does not mix versions.
    pub revision: String,
    pub files: Vec<RemoteFile>,
}

impl Connection<'_> {
    /// All files of `repo` at `revision`, or at the newest commit of its main branch.
    pub async fn list(&self, repo: &str, revision: Option<&str>) -> Result<Listing, HubError> {
        let listing = match self.source.kind {
            SourceKind::HuggingFace => hugging_face::list(self, repo, revision).await?,
            SourceKind::ModelScope => model_scope::list(self, repo, revision).await?,
        };
        check_path(&listing.revision)?;
        for file in &listing.files {
            check_path(&file.path)?;
        }
        Ok(listing)
    }
}
