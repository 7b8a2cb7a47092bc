//! Search by ModelScope's interface for programs: `GET /openapi/v1/models?search=…&page_size=…`, with the
//! fields that the official client reads (modelscope_hub 0.5.1, `_openapi.py`: `list_models`, and `api.py`:
//! `_extract_paged` and `_repo_info_from_payload`).

use serde::Deserialize;

use super::SearchHit;
use crate::HubError;
use crate::connection::{Connection, host_of};

#[derive(Deserialize)]
struct Answer {
    data: Option<Page>,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    models: Vec<Model>,
}

#[derive(Deserialize)]
struct Model {
    /// `owner/name`.
    id: String,
    downloads: Option<u64>,
    likes: Option<u64>,
    license: Option<String>,
    #[serde(default)]
    gated: bool,
}

pub(super) async fn search(
    connection: &Connection<'_>,
    text: &str,
    limit: u32,
) -> Result<Vec<SearchHit>, HubError> {
    let mut url = connection.source.at("/openapi/v1/models")?;
    url.query_pairs_mut()
        .append_pair("search", text)
        .append_pair("page_number", "1")
        .append_pair("page_size", &limit.to_string());
    let host = host_of(&url);
    let answer: Answer = connection.json(url).await?;
    let page = answer.data.ok_or_else(|| HubError::unusable(&host, "its search has no data"))?;
    let hit = |model: Model| SearchHit {
        repo: model.id,
        downloads: model.downloads,
        likes: model.likes,
        licence: model.license.filter(|name| !name.is_empty()),
        gated: model.gated,
        gguf: None,
    };
    Ok(page.models.into_iter().map(hit).collect())
}
