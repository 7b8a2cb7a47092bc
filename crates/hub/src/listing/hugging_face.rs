//! Listing by the Hugging Face API (huggingface.co, hf-mirror.com and compatible sites): one response
//! contains the commit, all files with size and digest, the licence, and whether the model is gated.

use serde::Deserialize;
use serde_json::Value;

use super::{Listing, RemoteFile, Terms};
use crate::connection::{Connection, host_of};
use crate::{Digest, HubError};

#[derive(Deserialize)]
struct Info {
    sha: Option<String>,
    #[serde(default)]
    siblings: Vec<Sibling>,
    /// `false`, or the kind of approval.
    #[serde(default)]
    gated: Value,
    #[serde(default)]
    tags: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    /// Git's hash of the file, or of the LFS pointer.
    blob_id: Option<String>,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    sha256: Option<String>,
    size: Option<u64>,
}

pub(super) async fn list(
    connection: &Connection<'_>,
    repo: &str,
    revision: Option<&str>,
) -> Result<(Listing, Terms), HubError> {
    let mut url =
        connection.source.url(repo, "/api/models", &format!("/revision/{}", revision.unwrap_or("main")))?;
    url.set_query(Some("blobs=true"));
    let host = host_of(&url);
    let info: Info = connection.json(url).await?;
    let revision = info.sha.ok_or_else(|| HubError::unusable(&host, "the listing names no commit"))?;
    let files =
        info.siblings.into_iter().map(|sibling| announced(sibling, &host)).collect::<Result<_, _>>()?;
    let terms = Terms { licence: licence(&info.tags), gated: is_gated(&info.gated) };
    Ok((Listing { revision, files }, terms))
}

/// The licence among the tags of a model: `license:mit`.
pub(crate) fn licence(tags: &[String]) -> Option<String> {
    tags.iter().find_map(|tag| Some(tag.strip_prefix("license:")?.to_owned()))
}

/// `"auto"` and `"manual"` are kinds of approval.
pub(crate) fn is_gated(gated: &Value) -> bool {
    !matches!(gated, Value::Null | Value::Bool(false))
}

fn announced(sibling: Sibling, host: &str) -> Result<RemoteFile, HubError> {
    let (size, digest) = match sibling.lfs {
        Some(lfs) => (lfs.size.or(sibling.size), lfs.sha256.map(Digest::Sha256)),
        None => (sibling.size, sibling.blob_id.map(Digest::GitBlob)),
    };
    let size = size
        .ok_or_else(|| HubError::unusable(host, format!("{} is listed without a size", sibling.rfilename)))?;
    Ok(RemoteFile { path: sibling.rfilename, size, digest })
}
