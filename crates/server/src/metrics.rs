//! `/metrics`: counters and gauges of the engine in the Prometheus text format, version 0.0.4.
//! Other programs may read the names, so they stay; the two that the app reads are in `protocol`.
use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use protocol::{WorkerPlace, metric};

use crate::error::ApiError;
use crate::state::AppState;

pub async fn metrics(State(state): State<Arc<AppState>>) -> Result<Response, ApiError> {
    let model = state.model()?;
    let m = model.engine.metrics();
    let rows = [
        ("whaledeck_requests_total", "counter", m.requests),
        ("whaledeck_prompt_tokens_total", "counter", m.prompt_tokens),
        ("whaledeck_completion_tokens_total", "counter", m.completion_tokens),
        ("whaledeck_drafts_offered_total", "counter", m.drafts_offered),
        ("whaledeck_drafts_accepted_total", "counter", m.drafts_accepted),
        (metric::RUNNING, "gauge", m.running as u64),
        (metric::WAITING, "gauge", m.waiting as u64),
        ("whaledeck_kv_pages_used", "gauge", m.pages_used as u64),
        ("whaledeck_kv_pages_cached", "gauge", m.pages_cached as u64),
        ("whaledeck_kv_pages", "gauge", m.pages_total as u64),
        ("whaledeck_kv_bytes", "gauge", m.cache_bytes),
    ];
    let place = match &model.place.report {
        WorkerPlace::Cpu { .. } => {
            "# TYPE whaledeck_place gauge\nwhaledeck_place{kind=\"cpu\"} 1\n".to_owned()
        }
        WorkerPlace::Card { index, name, used } => format!(
            "# TYPE whaledeck_place gauge\nwhaledeck_place{{kind=\"card\",index=\"{index}\",name=\"{}\"}} 1\n\
             # TYPE whaledeck_card_bytes gauge\nwhaledeck_card_bytes {}\n",
            label(name),
            used.0
        ),
    };
    let text: String =
        rows.iter().map(|(name, kind, value)| format!("# TYPE {name} {kind}\n{name} {value}\n")).collect();
    Ok(([("content-type", "text/plain; version=0.0.4")], text + &place).into_response())
}

/// A label's value as the format has it.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
