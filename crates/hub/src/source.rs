//! The model sources: Hugging Face (and its mirrors) and ModelScope, with their file URLs.
//! It does not know how a source is asked.

use reqwest::Url;
use serde::{Deserialize, Serialize};

use crate::HubError;
use crate::names::check_path;

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
    /// Sent only to the endpoint's origin.
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

impl Source {
    pub fn hugging_face(endpoint: impl Into<String>) -> Self {
        Self { kind: SourceKind::HuggingFace, endpoint: endpoint.into(), token: None }
    }

    pub fn model_scope(endpoint: impl Into<String>) -> Self {
        Self { kind: SourceKind::ModelScope, endpoint: endpoint.into(), token: None }
    }

    /// The download URL of a file; it may redirect to another host.
    pub fn file_url(&self, repo: &str, revision: &str, path: &str) -> Result<Url, HubError> {
        check_path(path)?;
        check_path(revision)?;
        match self.kind {
            SourceKind::HuggingFace => self.url(repo, "", &format!("/resolve/{revision}/{path}")),
            SourceKind::ModelScope => {
                let mut url = self.url(repo, "/api/v1/models", "/repo")?;
                url.query_pairs_mut().append_pair("Revision", revision).append_pair("FilePath", path);
                Ok(url)
            }
        }
    }

    /// Whether `url` has the origin of the endpoint, which may get the token.
    pub(crate) fn owns(&self, url: &Url) -> bool {
        Url::parse(&self.endpoint).is_ok_and(|own| own.origin() == url.origin())
    }

    pub(crate) fn url(&self, repo: &str, before: &str, after: &str) -> Result<Url, HubError> {
        check_path(repo)?;
        self.at(&format!("{before}/{repo}{after}"))
    }

    /// The address of a path of the endpoint.
    pub(crate) fn at(&self, path: &str) -> Result<Url, HubError> {
        let mut url = Url::parse(&self.endpoint)
            .map_err(|e| HubError::unusable(&self.endpoint, format!("the endpoint is no address: {e}")))?;
        let base = url.path().trim_end_matches('/').to_owned();
        // `set_path` does not escape percent signs; it escapes `?` and `#`.
        url.set_path(&format!("{base}{path}").replace('%', "%25"));
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_follow_the_source() {
        let hf =
            Source::hugging_face("https://hf-mirror.com/").file_url("o/n", "c0ffee", "a b.json").unwrap();
        assert_eq!(hf.as_str(), "https://hf-mirror.com/o/n/resolve/c0ffee/a%20b.json");
        let ms = Source::model_scope("https://www.modelscope.cn");
        let ms = ms.file_url("o/n", "master", "d/x.json").unwrap();
        assert_eq!(
            ms.as_str(),
            "https://www.modelscope.cn/api/v1/models/o/n/repo?Revision=master&FilePath=d%2Fx.json"
        );
    }
}
