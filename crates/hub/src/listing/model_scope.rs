//! Listing by the ModelScope API, folder by folder, because a response is silently truncated at 3000 entries.
//! The revision is the commit of the file that was changed last, because the API gives no other.

use std::collections::VecDeque;

use serde::Deserialize;
use serde_json::Value;

use super::hugging_face::is_gated;
use super::{Listing, RemoteFile, Terms};
use crate::connection::{Connection, host_of};
use crate::names::check_path;
use crate::{Digest, HubError};

const BRANCH: &str = "master";
/// A response of this length may be truncated.
const MAX_ENTRIES: usize = 3000;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    data: Option<Data>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Data {
    /// `null` for an empty folder.
    files: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    path: String,
    #[serde(rename = "Type")]
    kind: String,
    #[serde(default)]
    size: u64,
    sha256: Option<String>,
    /// The commit that changed this file last, and its time in seconds since 1970.
    revision: Option<String>,
    #[serde(default)]
    committed_date: i64,
}

/// The interface for programs, which the official client uses (modelscope_hub 0.5.1, `_openapi.py`:
/// `get_model`, and `api.py`: `_repo_info_from_payload`).
#[derive(Deserialize)]
struct OpenAnswer {
    data: Option<OpenModel>,
}

/// Only the id is relied on: a field of another type than today's costs that field and not the answer.
#[derive(Deserialize)]
pub(crate) struct OpenModel {
    /// `owner/name`.
    #[serde(default)]
    pub id: String,
    #[serde(default)]
    pub downloads: Value,
    #[serde(default)]
    pub likes: Value,
    #[serde(default)]
    license: Value,
    #[serde(default)]
    gated: Value,
}

impl OpenModel {
    pub fn terms(&self) -> Terms {
        let licence = self.license.as_str().filter(|name| !name.is_empty());
        Terms { licence: licence.map(str::to_owned), gated: is_gated(&self.gated) }
    }
}

/// The licence and the access of a model; unknown where the interface for programs does not list it.
pub(super) async fn terms(connection: &Connection<'_>, repo: &str) -> Result<Terms, HubError> {
    let url = connection.source.url(repo, "/openapi/v1/models", "")?;
    let model = match connection.json::<OpenAnswer>(url).await {
        Ok(answer) => answer.data,
        Err(HubError::NotOnSource(_) | HubError::SourceRefused { .. }) => None,
        Err(error) => return Err(error),
    };
    Ok(model.map_or_else(Terms::default, |model| model.terms()))
}

pub(super) async fn list(
    connection: &Connection<'_>,
    repo: &str,
    revision: Option<&str>,
) -> Result<Listing, HubError> {
    let mut files = Vec::new();
    let mut newest: Option<(i64, String)> = None;
    let mut folders = VecDeque::from([String::new()]);
    while let Some(folder) = folders.pop_front() {
        let mut url = connection.source.url(repo, "/api/v1/models", "/repo/files")?;
        url.query_pairs_mut().append_pair("Revision", revision.unwrap_or(BRANCH));
        if !folder.is_empty() {
            url.query_pairs_mut().append_pair("Root", &folder);
        }
        let host = host_of(&url);
        let answer: Answer = connection.json(url).await?;
        let data = answer.data.ok_or_else(|| HubError::NotOnSource(repo.to_owned()))?;
        let entries = data.files.unwrap_or_default();
        if entries.len() >= MAX_ENTRIES {
            return Err(HubError::unusable(
                &host,
                format!("the listing of /{folder} is cut at {MAX_ENTRIES} files"),
            ));
        }
        for entry in entries {
            if entry.kind == "tree" {
                check_path(&entry.path)?;
                // Only subfolders, so that a listing cannot cause an endless loop.
                if folder.is_empty() || entry.path.starts_with(&format!("{folder}/")) {
                    folders.push_back(entry.path);
                }
                continue;
            }
            if let Some(commit) = entry.revision.filter(|commit| !commit.is_empty()) {
                let stamped = (entry.committed_date, commit);
                newest = newest.max(Some(stamped));
            }
            let digest = entry.sha256.filter(|hash| !hash.is_empty()).map(Digest::Sha256);
            files.push(RemoteFile { path: entry.path, size: entry.size, digest });
        }
    }
    let pinned = revision.map(str::to_owned).or(newest.map(|(_, commit)| commit));
    Ok(Listing { revision: pinned.unwrap_or_else(|| BRANCH.into()), files })
}
