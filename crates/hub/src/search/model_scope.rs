//! Search by ModelScope's interface for programs: `GET /openapi/v1/models?search=…&page_size=…`, with the
//! fields that the official client reads (modelscope_hub 0.5.1, `_openapi.py`: `list_models`, and `api.py`:
//! `_extract_paged` and `_repo_info_from_payload`).

use serde::Deserialize;

use super::SearchHit;
use crate::HubError;
use crate::connection::{Connection, host_of};
use crate::listing::model_scope::OpenModel;

#[derive(Deserialize)]
struct Answer {
    data: Option<Page>,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    models: Vec<OpenModel>,
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
    Ok(page.models.into_iter().map(hit).collect())
}

fn hit(model: OpenModel) -> SearchHit {
    let terms = model.terms();
    SearchHit {
        repo: model.id,
        downloads: model.downloads.as_u64(),
        likes: model.likes.as_u64(),
        licence: terms.licence,
        gated: terms.gated,
        gguf: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_another_type_costs_that_field_only() {
        let text = r#"{"data": {"models": [
            {"id": "a/b", "downloads": 5, "likes": null, "license": ["mit"], "gated": null, "other": {}},
            {"id": "c/d", "license": "mit", "gated": true, "downloads": "many"}
        ]}}"#;
        let answer: Answer = serde_json::from_str(text).expect("is read");
        let hits: Vec<SearchHit> = answer.data.expect("a page").models.into_iter().map(hit).collect();
        let of = |hit: &SearchHit| (hit.repo.clone(), hit.downloads, hit.licence.clone(), hit.gated);
        let expected = [
            ("a/b".to_owned(), Some(5), None, false),
            ("c/d".to_owned(), None, Some("mit".to_owned()), true),
        ];
        assert_eq!(hits.iter().map(of).collect::<Vec<_>>(), expected);
    }
}
