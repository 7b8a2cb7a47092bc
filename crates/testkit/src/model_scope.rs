//! The protocol of ModelScope: listings by folder, silently truncated at 3000 entries as the real ones are,
//! files by a redirect to the storage, and the interface for programs with its search.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State as Extract};
use axum::http::{HeaderMap, Method, Response, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::repository::{Commit, Files};
use crate::state::{Shared, State};
use crate::storage;

const BRANCH: &str = "master";
const MAX_ENTRIES: usize = 3000;

pub(crate) fn routes() -> Router<Arc<State>> {
    Router::new()
        .route("/openapi/v1/models", get(search))
        .route("/openapi/v1/models/{owner}/{name}", get(model))
        .route("/api/v1/models/{owner}/{name}/revisions", get(revisions))
        .route("/api/v1/models/{owner}/{name}/repo/files", get(files))
        .route("/api/v1/models/{owner}/{name}/repo", get(file))
}

#[derive(Deserialize)]
struct SearchQuery {
    #[serde(default)]
    search: String,
    page_size: Option<usize>,
}

async fn search(
    Extract(state): Shared,
    Query(SearchQuery { search, page_size }): Query<SearchQuery>,
) -> Response<Body> {
    if let Some(injected_error) = state.injected_error(None) {
        return injected_error;
    }
    let found = state.search(&search);
    let models: Vec<Value> =
        found.iter().take(page_size.unwrap_or(10)).map(|name| open_model(&state, name)).collect();
    open_success(json!({
        "models": models, "total_count": found.len(), "page_number": 1, "page_size": page_size,
    }))
}

async fn model(Extract(state): Shared, Path((owner, name)): Path<(String, String)>) -> Response<Body> {
    let name = format!("{owner}/{name}");
    match state.repositories().contains_key(&name) {
        true => open_success(open_model(&state, &name)),
        false => not_found("Record not found"),
    }
}

fn open_model(state: &State, name: &str) -> Value {
    json!({
        "id": name, "downloads": 1234, "likes": 5, "license": "mit", "private": false,
        "gated": state.is_gated(name),
    })
}

fn open_success(data: Value) -> Response<Body> {
    Json(json!({ "success": true, "request_id": "0", "data": data })).into_response()
}

async fn revisions(Extract(state): Shared, Path((owner, name)): Path<(String, String)>) -> Response<Body> {
    match state.repositories().get(&format!("{owner}/{name}")) {
        None => not_found("Record not found"),
        Some(_) => success(json!({
            "RevisionMap": { "Branches": [{ "Revision": BRANCH, "CreatedAt": 0 }], "Tags": [] }
        })),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FilesQuery {
    revision: Option<String>,
    /// `True` or `False`, as Python writes them.
    recursive: Option<String>,
    root: Option<String>,
}

async fn files(
    Extract(state): Shared,
    Path((owner, name)): Path<(String, String)>,
    Query(query): Query<FilesQuery>,
) -> Response<Body> {
    if let Some(injected_error) = state.injected_error(None) {
        return injected_error;
    }
    let repositories = state.repositories();
    let Some(repository) = repositories.get(&format!("{owner}/{name}")) else {
        return not_found("Record not found");
    };
    let Some(commit) = repository.find(query.revision.as_deref().unwrap_or(BRANCH), BRANCH) else {
        return not_found("Revision not found");
    };
    let order: BTreeMap<&str, usize> =
        repository.commits.iter().enumerate().map(|(at, commit)| (&*commit.id, at)).collect();
    let recursive = query.recursive.is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let mut entries = entries(&state, commit, query.root.as_deref().unwrap_or(""), recursive, &order);
    entries.truncate(MAX_ENTRIES);
    success(json!({ "Files": entries }))
}

/// Files and folders below `root`, only the first level unless `recursive`.
fn entries(
    state: &State,
    commit: &Commit,
    root: &str,
    recursive: bool,
    order: &BTreeMap<&str, usize>,
) -> Vec<Value> {
    let root = root.trim_matches('/');
    let prefix = if root.is_empty() { String::new() } else { format!("{root}/") };
    let mut folders = BTreeMap::new();
    let mut found = Vec::new();
    for (path, file) in &commit.files {
        let Some(below) = path.strip_prefix(&prefix) else { continue };
        for (at, _) in below.match_indices('/').take(if recursive { usize::MAX } else { 1 }) {
            folders.insert(format!("{prefix}{}", &below[..at]), ());
        }
        if recursive || !below.contains('/') {
            found.push(json!({
                "Name": path.rsplit('/').next(), "Path": path, "Type": "blob", "Size": state.size(path, file),
                "Sha256": file.sha256, "Revision": file.commit, "IsLFS": file.pointer.is_some(), "Mode": "33188",
                "CommittedDate": 1_700_000_000 + order.get(&*file.commit).copied().unwrap_or(0),
            }));
        }
    }
    let folders = folders.into_keys().map(|path| {
        json!({ "Name": path.rsplit('/').next(), "Path": path, "Type": "tree", "Size": 0, "Sha256": "" })
    });
    folders.chain(found).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FileQuery {
    revision: Option<String>,
    file_path: String,
}

async fn file(
    Extract(state): Shared,
    method: Method,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
    Query(FileQuery { revision, file_path }): Query<FileQuery>,
) -> Response<Body> {
    let repository = format!("{owner}/{name}");
    let revision = revision.unwrap_or_else(|| BRANCH.into());
    state.record(&method, &headers, &file_path, &revision, false);
    if let Some(injected_error) = state.injected_error(Some(&file_path)) {
        return injected_error;
    }
    let repositories = state.repositories();
    let commit = repositories.get(&repository).and_then(|repository| repository.find(&revision, BRANCH));
    let files: Option<&Files> = commit.map(|commit| &commit.files);
    match (commit, files.and_then(|files| files.get(&file_path))) {
        (Some(commit), Some(file)) => {
            let link = storage::link(&state, &repository, &commit.id, &file_path, file);
            (StatusCode::FOUND, [(header::LOCATION, link)]).into_response()
        }
        _ => not_found("The file does not exist"),
    }
}

fn success(data: Value) -> Response<Body> {
    Json(json!({ "Code": 200, "Success": true, "Message": "success", "RequestId": "0", "Data": data }))
        .into_response()
}

fn not_found(message: &str) -> Response<Body> {
    let body = json!({ "Code": 10_010_205_001_u64, "Success": false, "Message": message, "RequestId": "0" });
    (StatusCode::NOT_FOUND, Json(body)).into_response()
}
