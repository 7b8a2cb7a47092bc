//! Where a repository's files are listed and fetched from: Hugging Face (and its mirrors) and ModelScope.
//! It does not know how bytes reach the disk, nor which files of a repository are wanted.

use std::collections::VecDeque;
use std::path::{Component, Path};

use reqwest::{Client, Response, StatusCode, Url, header};
use serde::{Deserialize, Serialize};

use crate::HubError;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    HuggingFace,
    ModelScope,
}

#[derive(Clone)]
pub struct Source {
    pub kind: SourceKind,
    pub endpoint: String,
    pub token: Option<String>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let token = self.token.as_ref().map(|_| "set");
        f.debug_struct("Source")
            .field("kind", &self.kind)
            .field("endpoint", &self.endpoint)
            .field("token", &token)
            .finish()
    }
}

/// One file as its source announces it. Hugging Face gives a SHA-256 only for large files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteFile {
    pub path: String,
    pub size: u64,
    pub sha256: Option<String>,
}

#[derive(Deserialize)]
struct HfInfo {
    #[serde(default)]
    siblings: Vec<HfSibling>,
}

#[derive(Deserialize)]
struct HfSibling {
    rfilename: String,
    size: Option<u64>,
    lfs: Option<HfLfs>,
}

#[derive(Deserialize)]
struct HfLfs {
    sha256: Option<String>,
    size: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MsAnswer {
    data: Option<MsData>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MsData {
    #[serde(default)]
    files: Vec<MsFile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MsFile {
    path: String,
    #[serde(rename = "Type")]
    kind: String,
    #[serde(default)]
    size: u64,
    sha256: Option<String>,
}

impl Source {
    pub fn hugging_face(endpoint: impl Into<String>) -> Self {
        Self { kind: SourceKind::HuggingFace, endpoint: endpoint.into(), token: None }
    }

    pub fn model_scope(endpoint: impl Into<String>) -> Self {
        Self { kind: SourceKind::ModelScope, endpoint: endpoint.into(), token: None }
    }

    /// Every file of `repo`, in the source's order.
    pub async fn list(&self, client: &Client, repo: &str) -> Result<Vec<RemoteFile>, HubError> {
        let files = match self.kind {
            SourceKind::HuggingFace => self.list_hugging_face(client, repo).await?,
            SourceKind::ModelScope => self.list_model_scope(client, repo).await?,
        };
        for file in &files {
            check_path(&file.path)?;
        }
        Ok(files)
    }

    /// Where `path` of `repo` is downloaded from; the answer may be a redirect to another host.
    pub fn file_url(&self, repo: &str, path: &str) -> Result<Url, HubError> {
        check_path(path)?;
        match self.kind {
            SourceKind::HuggingFace => self.url(repo, "", &format!("/resolve/main/{path}")),
            SourceKind::ModelScope => {
                let mut url = self.url(repo, "/api/v1/models", "/repo")?;
                url.query_pairs_mut().append_pair("Revision", "master").append_pair("FilePath", path);
                Ok(url)
            }
        }
    }

    /// Whether `url` is the host the token belongs to.
    pub(crate) fn owns(&self, url: &Url) -> bool {
        Url::parse(&self.endpoint).is_ok_and(|own| own.origin() == url.origin())
    }

    async fn list_hugging_face(&self, client: &Client, repo: &str) -> Result<Vec<RemoteFile>, HubError> {
        let mut url = self.url(repo, "/api/models", "/revision/main")?;
        url.set_query(Some("blobs=true"));
        let info: HfInfo = self.get_json(client, url).await?;
        info.siblings
            .into_iter()
            .map(|s| {
                let (lfs_size, sha256) = s.lfs.map_or((None, None), |l| (l.size, l.sha256));
                let size = lfs_size.or(s.size).ok_or_else(|| {
                    HubError::SourceRefused(format!("{} is listed without a size", s.rfilename))
                })?;
                Ok(RemoteFile { path: s.rfilename, size, sha256 })
            })
            .collect()
    }

    /// Folder by folder: a recursive listing is cut silently at 3000 entries.
    async fn list_model_scope(&self, client: &Client, repo: &str) -> Result<Vec<RemoteFile>, HubError> {
        let mut files = Vec::new();
        let mut folders = VecDeque::from([String::new()]);
        while let Some(folder) = folders.pop_front() {
            let mut url = self.url(repo, "/api/v1/models", "/repo/files")?;
            url.query_pairs_mut().append_pair("Revision", "master");
            if !folder.is_empty() {
                url.query_pairs_mut().append_pair("Root", &folder);
            }
            let answer: MsAnswer = self.get_json(client, url).await?;
            let data = answer.data.ok_or_else(|| HubError::NotOnSource(repo.to_owned()))?;
            for file in data.files {
                if file.kind == "tree" {
                    check_path(&file.path)?;
                    // Only downwards, so that a listing cannot send the walk in a circle.
                    if folder.is_empty() || file.path.starts_with(&format!("{folder}/")) {
                        folders.push_back(file.path);
                    }
                } else {
                    let sha256 = file.sha256.filter(|s| !s.is_empty());
                    files.push(RemoteFile { path: file.path, size: file.size, sha256 });
                }
            }
        }
        Ok(files)
    }

    fn url(&self, repo: &str, before: &str, after: &str) -> Result<Url, HubError> {
        check_path(repo)?;
        let mut url = Url::parse(&self.endpoint)
            .map_err(|e| HubError::SourceRefused(format!("endpoint {}: {e}", self.endpoint)))?;
        let base = url.path().trim_end_matches('/').to_owned();
        // `set_path` leaves a percent sign as it is and escapes `?` and `#`.
        url.set_path(&format!("{base}{before}/{repo}{after}").replace('%', "%25"));
        Ok(url)
    }

    async fn get_json<T: serde::de::DeserializeOwned>(
        &self,
        client: &Client,
        url: Url,
    ) -> Result<T, HubError> {
        let response = self.get(client, url, &[]).await?;
        if !response.status().is_success() {
            return Err(status_error(&response));
        }
        response.json().await.map_err(|e| {
            if e.is_decode() { HubError::SourceRefused(format!("answer: {e}")) } else { HubError::network(e) }
        })
    }

    /// A GET that follows up to five redirects by hand; the token is sent to the endpoint's origin only.
    pub(crate) async fn get(
        &self,
        client: &Client,
        mut url: Url,
        headers: &[(header::HeaderName, String)],
    ) -> Result<Response, HubError> {
        for _ in 0..=5 {
            let mut request = client.get(url.clone()).header(header::ACCEPT_ENCODING, "identity");
            for (name, value) in headers {
                request = request.header(name, value);
            }
            if let Some(token) = self.token.as_deref().filter(|_| self.owns(&url)) {
                request = request.bearer_auth(token);
            }
            let response = request.send().await.map_err(HubError::network)?;
            let location = response.headers().get(header::LOCATION).and_then(|v| v.to_str().ok());
            let Some(location) = location.filter(|_| response.status().is_redirection()) else {
                return Ok(response);
            };
            let next = url.join(location).map_err(|e| HubError::SourceRefused(format!("redirect: {e}")))?;
            if url.scheme() == "https" && next.scheme() != "https" {
                return Err(HubError::SourceRefused("redirect from https to http".into()));
            }
            url = next;
        }
        Err(HubError::SourceRefused("more than five redirects".into()))
    }
}

/// What a status other than success means to the person who asked.
pub(crate) fn status_error(response: &Response) -> HubError {
    let code = response.headers().get("x-error-code").and_then(|v| v.to_str().ok()).unwrap_or_default();
    let path = response.url().path().to_owned();
    match response.status() {
        _ if code == "GatedRepo" => HubError::GatedModel(path),
        _ if code == "RepoNotFound" => HubError::NotOnSource(path),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => HubError::GatedModel(path),
        StatusCode::NOT_FOUND => HubError::NotOnSource(path),
        StatusCode::TOO_MANY_REQUESTS => HubError::SourceRateLimited,
        status if status.is_server_error() => HubError::NoNetwork(format!("the source answered {status}")),
        status => HubError::SourceRefused(format!("the source answered {status}")),
    }
}

/// Refuses every name that could leave the model's own folder, on any system.
pub fn check_path(path: &str) -> Result<(), HubError> {
    let plain = !path.is_empty()
        && !path.contains(['\\', ':', '\0'])
        && !path.ends_with(".part")
        && path.split('/').all(|p| !p.is_empty() && p != "." && p != "..")
        && Path::new(path).components().all(|c| matches!(c, Component::Normal(_)));
    if plain { Ok(()) } else { Err(HubError::SourceRefused(format!("unsafe file name {path:?}"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_names_are_refused() {
        for bad in ["", "..", "a/../b", "/etc/passwd", "a\\b", "C:/x", "a//b", "./a"] {
            assert!(check_path(bad).is_err(), "{bad}");
        }
        assert!(check_path("sub/model-00001-of-00002.safetensors").is_ok());
    }

    #[test]
    fn urls_follow_the_source() {
        let hf = Source::hugging_face("https://hf-mirror.com/").file_url("o/n", "a b.json").unwrap();
        assert_eq!(hf.as_str(), "https://hf-mirror.com/o/n/resolve/main/a%20b.json");
        let ms = Source::model_scope("https://www.modelscope.cn").file_url("o/n", "d/x.json").unwrap();
        assert_eq!(
            ms.as_str(),
            "https://www.modelscope.cn/api/v1/models/o/n/repo?Revision=master&FilePath=d%2Fx.json"
        );
    }
}
