//! Searches of both sources for repositories by a text.
//! It does not know what a repository holds, nor whether its model can run.

mod hugging_face;
mod model_scope;

use crate::connection::Connection;
use crate::reference::is_name;
use crate::{HubError, SourceKind};

/// A repository that a source found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchHit {
    /// `owner/name`.
    pub repo: String,
    pub downloads: Option<u64>,
    pub likes: Option<u64>,
    /// As the source writes it, such as `mit`.
    pub licence: Option<String>,
    /// Its makers grant access one by one.
    pub gated: bool,
    /// It has GGUF files; `None` where the source does not say.
    pub gguf: Option<bool>,
}

pub(crate) async fn search(
    connection: &Connection<'_>,
    text: &str,
    limit: u32,
) -> Result<Vec<SearchHit>, HubError> {
    let mut hits = match connection.source.kind {
        SourceKind::HuggingFace => hugging_face::search(connection, text, limit).await?,
        SourceKind::ModelScope => model_scope::search(connection, text, limit).await?,
    };
    // A name from outside goes into commands and addresses.
    hits.retain(|hit| hit.repo.split_once('/').is_some_and(|(owner, name)| is_name(owner) && is_name(name)));
    hits.truncate(limit as usize);
    Ok(hits)
}
