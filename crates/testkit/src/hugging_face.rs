//! The protocol of Hugging Face: search, model information, the paged tree, path information, and files by
//! `resolve`: small ones directly and large ones by a redirect to the storage.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State as Extract};
use axum::http::{HeaderMap, Method, Response, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::repository::{Commit, File};
use crate::state::{Shared, State, error_response};
use crate::storage;

const BRANCH: &str = "main";
/// Entries per page. Small, so that a client that ignores the `Link` header misses files even of a small
/// model.
const PAGE: usize = 4;

pub(crate) fn routes() -> Router<Arc<State>> {
    Router::new()
        .route("/api/models", get(search))
        .route("/api/models/{owner}/{name}", get(info_of_branch))
        .route("/api/models/{owner}/{name}/revision/{revision}", get(info))
        .route("/api/models/{owner}/{name}/tree/{revision}", get(tree))
        .route("/api/models/{owner}/{name}/paths-info/{revision}", post(paths_info))
        .route("/{owner}/{name}/resolve/{revision}/{*path}", get(resolve))
}

#[derive(Deserialize)]
struct SearchQuery {
    #[serde(default)]
    search: String,
    limit: Option<usize>,
}

async fn search(
    Extract(state): Shared,
    Query(SearchQuery { search, limit }): Query<SearchQuery>,
) -> Response<Body> {
    if let Some(injected_error) = state.injected_error(None) {
        return injected_error;
    }
    let model = |name: &String| {
        let repositories = state.repositories();
        let newest = repositories[name].commits.last().expect("there is a first commit");
        json!({
            "_id": "0", "id": name, "modelId": name, "private": false, "gated": gated(&state, name),
            "downloads": 1234, "likes": 5, "tags": tags(newest), "sha": newest.id,
        })
    };
    let found = state.search(&search);
    Json(found.iter().take(limit.unwrap_or(30)).map(model).collect::<Vec<Value>>()).into_response()
}

/// `false`, or the kind of approval.
fn gated(state: &State, repository: &str) -> Value {
    if state.is_gated(repository) { json!("auto") } else { json!(false) }
}

fn tags(commit: &Commit) -> Vec<&'static str> {
    let gguf = commit.files.keys().any(|path| path.ends_with(".gguf"));
    let format = if gguf { "gguf" } else { "safetensors" };
    vec!["transformers", format, "license:mit", "region:us"]
}

async fn info_of_branch(
    state: Shared,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
    query: Query<InfoQuery>,
) -> Response<Body> {
    info(state, headers, Path((owner, name, BRANCH.into())), query).await
}

#[derive(Deserialize)]
struct InfoQuery {
    #[serde(default)]
    blobs: bool,
}

async fn info(
    Extract(state): Shared,
    headers: HeaderMap,
    Path((owner, name, revision)): Path<(String, String, String)>,
    Query(query): Query<InfoQuery>,
) -> Response<Body> {
    let repository = format!("{owner}/{name}");
    listing(&state, &headers, &repository, &revision, |commit| {
        let siblings: Vec<Value> =
            commit.files.iter().map(|(path, file)| sibling(&state, path, file, query.blobs)).collect();
        Json(json!({
            "_id": "0", "id": repository, "modelId": repository, "sha": commit.id, "private": false,
            "gated": gated(&state, &repository), "disabled": false, "downloads": 0, "likes": 0,
            "tags": tags(commit), "siblings": siblings,
        }))
        .into_response()
    })
}

fn sibling(state: &State, path: &str, file: &File, blobs: bool) -> Value {
    let mut sibling = json!({ "rfilename": path });
    if blobs {
        let size = state.size(path, file);
        sibling["size"] = json!(size);
        sibling["blobId"] = json!(file.oid);
        if let Some(pointer) = file.pointer {
            sibling["lfs"] = json!({ "sha256": file.sha256, "size": size, "pointerSize": pointer });
        }
    }
    sibling
}

fn entry(state: &State, path: &str, file: &File) -> Value {
    let size = state.size(path, file);
    let mut entry = json!({ "type": "file", "path": path, "size": size, "oid": file.oid });
    if let Some(pointer) = file.pointer {
        entry["lfs"] = json!({ "oid": file.sha256, "size": size, "pointerSize": pointer });
    }
    entry
}

#[derive(Deserialize)]
struct TreeQuery {
    cursor: Option<usize>,
}

async fn tree(
    Extract(state): Shared,
    headers: HeaderMap,
    Path((owner, name, revision)): Path<(String, String, String)>,
    Query(TreeQuery { cursor }): Query<TreeQuery>,
) -> Response<Body> {
    let repository = format!("{owner}/{name}");
    listing(&state, &headers, &repository, &revision, |commit| {
        let (from, to) = (cursor.unwrap_or(0), cursor.unwrap_or(0).saturating_add(PAGE));
        let page: Vec<Value> =
            commit.files.iter().skip(from).take(PAGE).map(|(path, file)| entry(&state, path, file)).collect();
        let next = format!(
            "<{}/api/models/{repository}/tree/{revision}?recursive=true&cursor={to}>; rel=\"next\"",
            state.hugging_face
        );
        match to < commit.files.len() {
            true => ([(header::LINK, next)], Json(page)).into_response(),
            false => Json(page).into_response(),
        }
    })
}

async fn paths_info(
    Extract(state): Shared,
    headers: HeaderMap,
    Path((owner, name, revision)): Path<(String, String, String)>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Response<Body> {
    listing(&state, &headers, &format!("{owner}/{name}"), &revision, |commit| {
        let paths = fields.iter().filter(|(name, _)| name == "paths").map(|(_, path)| path);
        let found = paths.filter_map(|path| Some(entry(&state, path, commit.files.get(path)?)));
        Json(found.collect::<Vec<Value>>()).into_response()
    })
}

async fn resolve(
    Extract(state): Shared,
    method: Method,
    headers: HeaderMap,
    Path((owner, name, revision, path)): Path<(String, String, String, String)>,
) -> Response<Body> {
    let repository = format!("{owner}/{name}");
    state.record(&method, &headers, &path, &revision, false);
    if let Some(injected_error) = state.injected_error(Some(&path)) {
        return injected_error;
    }
    if let Some(token) = state.gated.lock().get(&repository) {
        let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        if sent != Some(&format!("Bearer {token}")) {
            let status = if sent.is_some() { StatusCode::FORBIDDEN } else { StatusCode::UNAUTHORIZED };
            return error_response(status, "GatedRepo", "Access to this model is restricted");
        }
    }
    let found = {
        let repositories = state.repositories();
        match commit(&repositories, &headers, &repository, &revision) {
            Ok(commit) => commit.files.get(&path).cloned().map(|file| (commit.id.clone(), file)),
            Err(injected_error) => return *injected_error,
        }
    };
    let Some((commit, file)) = found else {
        return error_response(StatusCode::NOT_FOUND, "EntryNotFound", "Entry not found");
    };
    let mut response = match file.pointer {
        None => storage::send(&state, &method, &headers, &path, file),
        Some(_) => Response::builder()
            .status(StatusCode::FOUND)
            .header(header::LOCATION, storage::link(&state, &repository, &commit, &path, &file))
            .header("x-linked-etag", file.etag())
            .header("x-linked-size", file.bytes.len())
            .body(Body::empty())
            .expect("plain headers"),
    };
    response.headers_mut().insert("x-repo-commit", commit.parse().expect("hexadecimal"));
    response
}

fn listing(
    state: &State,
    headers: &HeaderMap,
    repository: &str,
    revision: &str,
    answer: impl FnOnce(&Commit) -> Response<Body>,
) -> Response<Body> {
    if let Some(injected_error) = state.injected_error(None) {
        return injected_error;
    }
    match commit(&state.repositories(), headers, repository, revision) {
        Ok(commit) => answer(commit),
        Err(injected_error) => *injected_error,
    }
}

/// The commit of a revision, or the error response of Hugging Face.
fn commit<'a>(
    repositories: &'a std::collections::BTreeMap<String, crate::repository::Repository>,
    headers: &HeaderMap,
    repository: &str,
    revision: &str,
) -> Result<&'a Commit, Box<Response<Body>>> {
    let Some(repository) = repositories.get(repository) else {
        // Without a token, a missing and a private repository look the same.
        let known = headers.contains_key(header::AUTHORIZATION);
        let status = if known { StatusCode::NOT_FOUND } else { StatusCode::UNAUTHORIZED };
        return Err(Box::new(error_response(status, "RepoNotFound", "Repository not found")));
    };
    let invalid = || Box::new(error_response(StatusCode::NOT_FOUND, "RevisionNotFound", "Invalid rev id"));
    repository.find(revision, BRANCH).ok_or_else(invalid)
}
