//! The files of a repository, as the API of its source lists them.
//! It does not know how bytes are written to the disk, nor which files of a repository are selected.

pub(crate) mod hugging_face;
pub(crate) mod model_scope;

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

/// On which terms a model is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    /// As its source writes it, such as `mit`.
    pub licence: Option<String>,
    /// Its makers grant access one by one.
    pub gated: bool,
}

impl Connection<'_> {
    /// All files of `repo` at `revision`, or at the newest commit of its main branch.
    pub async fn list(&self, repo: &str, revision: Option<&str>) -> Result<Listing, HubError> {
        let listing = match self.source.kind {
            SourceKind::HuggingFace => hugging_face::list(self, repo, revision).await?.0,
            SourceKind::ModelScope => model_scope::list(self, repo, revision).await?,
        };
        checked(listing)
    }

    /// As `list`, of the newest commit, with the terms.
    pub async fn list_with_terms(&self, repo: &str) -> Result<(Listing, Terms), HubError> {
        let (listing, terms) = match self.source.kind {
            SourceKind::HuggingFace => hugging_face::list(self, repo, None).await?,
            SourceKind::ModelScope => {
                (model_scope::list(self, repo, None).await?, model_scope::terms(self, repo).await?)
            }
        };
        Ok((checked(listing)?, terms))
    }
}

/// Refuses names that are no paths in a repository.
fn checked(listing: Listing) -> Result<Listing, HubError> {
    check_path(&listing.revision)?;
    for file in &listing.files {
        check_path(&file.path)?;
    }
    Ok(listing)
}
