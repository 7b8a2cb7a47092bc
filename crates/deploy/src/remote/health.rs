//! Health check of an engine over HTTP: whether it serves the model, and its metrics.
//! It sends no prompt, and leaves the reading of the Prometheus text to `metrics`.
use endpoint::Endpoint;

use super::metrics;
use super::record::Record;

pub(super) struct Health {
    pub serves: bool,
    /// Prometheus text, from a serving engine that has metrics.
    pub metrics: Option<String>,
}

/// `was_ready` skips the list of models, which only a starting engine has to prove.
pub(super) async fn check_health(endpoint: Endpoint, record: Record, was_ready: bool) -> Health {
    let has_metrics = record.engine().is_some_and(metrics::has_metrics);
    let serves = endpoint.root_text(&record.health).await.is_ok()
        // An engine may respond before it has loaded the model.
        && (was_ready || lists_model(&endpoint, &record.model_id).await);
    let metrics = if serves && has_metrics { endpoint.root_text("metrics").await.ok() } else { None };
    Health { serves, metrics }
}

async fn lists_model(endpoint: &Endpoint, model_id: &str) -> bool {
    endpoint.models().await.is_ok_and(|models| models.iter().any(|listed| is_model(listed, model_id)))
}

/// ollama adds a tag to every model name.
fn is_model(listed: &str, model_id: &str) -> bool {
    listed == model_id || listed.strip_prefix(model_id).is_some_and(|tag| tag.starts_with(':'))
}
