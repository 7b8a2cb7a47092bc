//! `/v1/whaledeck/memory`: the memory budget beside what is used, in bytes.
//! The budget is computed before loading in `memory_budget`; buffers have no measurement of their own.
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use checkpoint::memory::CARD_CONTEXT;
use engine::SequenceUse;
use models::{PAGE_TOKENS, WeightKind};
use protocol::{
    BuffersMemory, Bytes, CacheMemory, MemoryReport, PlannedMemory, ProcessMemory, SequenceMemory,
    WeightMemory,
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
            pages_cached: metrics.pages_cached,
            pages_written: metrics.pages_written,
            page_tokens: PAGE_TOKENS,
            dtype: model.cache_dtype,
            bf16: Bytes(model.cache_bf16),
            sequences: model
                .engine
                .sequences()
                .into_iter()
                .map(|SequenceUse { tokens, pages }| SequenceMemory { tokens, pages })
                .collect(),
        },
        buffers: BuffersMemory {
            predicted: Bytes(budget.buffers),
            used: (metrics.widest_pass as f64 / model.prefill_chunk as f64).min(1.0),
        },
        process: ProcessMemory {
            predicted: model.resident_before.map(|before| Bytes(before + budget.host)),
            measured: hardware::resident(std::process::id()).map(Bytes),
        },
        card: model.place.card_used().map(|used| PlannedMemory {
            predicted: Bytes(budget.total() + budget.runtime - budget.host + CARD_CONTEXT),
            measured: Bytes(used),
        }),
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
