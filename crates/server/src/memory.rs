//! `/v1/whaledeck/memory`: what was foreseen beside what is taken.
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use models::WeightKind;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::router::Shared;

pub async fn memory(State(shared): State<Arc<Shared>>) -> Result<Json<Value>, ApiError> {
    let loaded = shared.loaded()?;
    let (plan, ledger, metrics) = (&loaded.plan, &loaded.ledger, loaded.engine.metrics());
    let parts = ledger.kinds().map(|(kind, bytes)| (name(kind).to_owned(), json!(bytes)));
    let formats = ledger.formats().map(|(format, bytes)| (format.to_owned(), json!(bytes)));
    Ok(Json(json!({
        "weights": {"predicted": plan.weights(), "measured": ledger.weights(),
            "parts": parts.collect::<serde_json::Map<_, _>>(), "formats": formats.collect::<serde_json::Map<_, _>>()},
        "experts": {"predicted": plan.parts.get("experts").copied().unwrap_or(0), "measured": ledger.kind(WeightKind::Experts)},
        "cache": {"predicted": plan.cache, "measured": metrics.cache_bytes, "pages": metrics.pages_total,
            "pages_used": metrics.pages_used},
        "buffers": {"predicted": plan.buffers},
        // Pages that were never written and weights that were never read are not resident yet.
        "process": {"predicted": loaded.resident_before.map(|before| before + plan.total()), "measured": resident()},
    })))
}

fn name(kind: WeightKind) -> &'static str {
    match kind {
        WeightKind::Vocabulary => "vocabulary",
        WeightKind::Attention => "attention",
        WeightKind::Dense => "dense",
        WeightKind::Experts => "experts",
        WeightKind::Mtp => "prediction",
        WeightKind::Vision => "vision",
    }
}

/// Bytes of this process that are in memory, where the system tells.
pub fn resident() -> Option<u64> {
    status("VmRSS:")
}

/// The most that ever were.
pub fn peak() -> Option<u64> {
    status("VmHWM:")
}

fn status(key: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}
