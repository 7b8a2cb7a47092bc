//! Search by the Hugging Face API: `GET /api/models?search=…&limit=…&full=true`, with the fields that the
//! official client reads (huggingface_hub, `hf_api.py`: `list_models` and `ModelInfo`).

use serde::Deserialize;
use serde_json::Value;

use super::SearchHit;
use crate::HubError;
use crate::connection::Connection;
use crate::listing::hugging_face::{is_gated, licence};

#[derive(Deserialize)]
struct Model {
    id: String,
    downloads: Option<u64>,
    likes: Option<u64>,
    #[serde(default)]
    gated: Value,
    #[serde(default)]
    tags: Vec<String>,
}

pub(super) async fn search(
    connection: &Connection<'_>,
    text: &str,
    limit: u32,
) -> Result<Vec<SearchHit>, HubError> {
    let mut url = connection.source.at("/api/models")?;
    url.query_pairs_mut()
        .append_pair("search", text)
        .append_pair("limit", &limit.to_string())
        .append_pair("full", "true");
    let models: Vec<Model> = connection.json(url).await?;
    let hit = |model: Model| SearchHit {
        downloads: model.downloads,
        likes: model.likes,
        licence: licence(&model.tags),
        gated: is_gated(&model.gated),
        gguf: Some(model.tags.iter().any(|tag| tag == "gguf")),
        repo: model.id,
    };
    Ok(models.into_iter().map(hit).collect())
}
