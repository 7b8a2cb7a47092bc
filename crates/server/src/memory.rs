//! `/v1/whaledeck/memory`: the memory budget beside what is used, in bytes.
//! The budget is computed before loading in `memory_budget`; buffers have no measurement of their own.
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use models::WeightKind;
use protocol::{
    Bytes, CacheMemory, MemoryReport, PlannedMemory, PredictedMemory, ProcessMemory, WeightMemory,
};

use crate::error::ApiError;
use crate::state::AppState;

pub async fn memory(State(state): State<Arc<AppState>>) -> Result<Json<MemoryReport>, ApiError> {
    let model = state.model()?;
    let (budget, ledger, metrics) = (&model.memory_budget, &model.ledger, model.engine.metrics());
    let predicted = |part: &str| Bytes(budget.parts.get(part).copied().unwrap_or(0));
    Ok(Json(MemoryReport {
        weights: WeightMemory {
            predicted: Bytes(budget.weights()),
            measured: Bytes(ledger.weights()),
            parts: ledger.kinds().map(|(kind, bytes)| (name(kind).to_owned(), Bytes(bytes))).collect(),
            formats: ledger.formats().map(|(format, bytes)| (format.to_owned(), Bytes(bytes))).collect(),
        },
        experts: PlannedMemory {
            predicted: predicted(name(WeightKind::Experts)),
            measured: Bytes(ledger.kind(WeightKind::Experts)),
        },
        cache: CacheMemory {
            predicted: Bytes(budget.cache),
            measured: Bytes(metrics.cache_bytes),
            pages: metrics.pages_total,
            pages_used: metrics.pages_used,
        },
        buffers: PredictedMemory { predicted: Bytes(budget.buffers) },
        process: ProcessMemory {
            predicted: model.resident_before.map(|before| Bytes(before + budget.host)),
            measured: hardware::resident(std::process::id()).map(Bytes),
        },
    }))
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
