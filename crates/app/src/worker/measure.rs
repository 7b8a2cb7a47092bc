//! What a worker takes of memory, by its own report, beside what it computed when it started.
//! Bytes; nothing is stored here.
use contract::{
    CacheKind, CacheUse, MemoryMeasure, MemoryPartKind, MemoryPartMeasure, SequenceUse, WorkerMemory,
};
use deploy::{State, Worker};
use protocol::{Bytes, CacheDtype, CacheMemory, MemoryReport};

/// `None` while it is not ready, or where the system does not tell.
pub(super) async fn measure(worker: &Worker) -> Option<WorkerMemory> {
    if !matches!(worker.state(), State::Ready { .. }) {
        return None;
    }
    let text = worker.ready().await.ok()?.root_text("v1/whaledeck/memory").await.ok()?;
    worker_memory(&serde_json::from_str(&text).ok()?)
}

fn worker_memory(report: &MemoryReport) -> Option<WorkerMemory> {
    let total = total(report)?;
    let cache = &report.cache;
    let page_bytes = page_bytes(cache);
    let part = |kind, foreseen: f64, measured: f64| MemoryPartMeasure { kind, foreseen, measured };
    let experts = &report.experts;
    let weights = &report.weights;
    let vision = weights.parts.get("vision").copied().unwrap_or(Bytes(0));
    let rest = |all: Bytes, experts: Bytes| bytes(all) - bytes(experts) - bytes(vision);
    let mut parts = vec![
        part(
            MemoryPartKind::Weights,
            rest(weights.predicted, experts.predicted),
            rest(weights.measured, experts.measured),
        ),
        part(MemoryPartKind::Experts, bytes(experts.predicted), bytes(experts.measured)),
        part(MemoryPartKind::Vision, bytes(vision), bytes(vision)),
        part(MemoryPartKind::Cache, bytes(cache.predicted), page_bytes * cache.pages_written as f64),
        part(
            MemoryPartKind::Buffers,
            bytes(report.buffers.predicted),
            bytes(report.buffers.predicted) * report.buffers.used,
        ),
    ];
    parts.retain(|part| part.foreseen > 0.0 || part.measured > 0.0);
    let cache = CacheUse {
        kind: match cache.dtype {
            CacheDtype::Bf16 => CacheKind::Bf16,
            CacheDtype::Fp8 => CacheKind::Fp8,
        },
        pages: count(cache.pages),
        pages_used: count(cache.pages_used),
        pages_kept: count(cache.pages_cached),
        page_tokens: count(cache.page_tokens),
        page_bytes,
        page_bytes_bf16: bytes(cache.bf16) / cache.pages.max(1) as f64,
        sequences: cache
            .sequences
            .iter()
            .map(|one| SequenceUse { tokens: count(one.tokens), pages: count(one.pages) })
            .collect(),
    };
    Some(WorkerMemory { total, parts, cache })
}

/// What is not resident yet counts as it was computed: pages of the cache that were never written, and the
/// activations of a wider pass than there was.
fn total(report: &MemoryReport) -> Option<MemoryMeasure> {
    let (foreseen, measured) = match report.card {
        Some(card) => (bytes(card.predicted), bytes(card.measured)),
        None => {
            let cache = &report.cache;
            let unwritten = page_bytes(cache) * cache.pages.saturating_sub(cache.pages_written) as f64;
            let unused = bytes(report.buffers.predicted) * (1.0 - report.buffers.used);
            let resident = report.process.measured.map(bytes)?;
            (report.process.predicted.map(bytes)?, resident + unwritten + unused)
        }
    };
    Some(MemoryMeasure {
        foreseen,
        measured,
        pages: count(report.cache.pages),
        pages_used: count(report.cache.pages_used),
    })
}

fn page_bytes(cache: &CacheMemory) -> f64 {
    bytes(cache.measured) / cache.pages.max(1) as f64
}

fn count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn bytes(bytes: Bytes) -> f64 {
    bytes.0 as f64
}

#[cfg(test)]
mod tests {
    use protocol::{BuffersMemory, PlannedMemory, ProcessMemory, SequenceMemory, WeightMemory};

    use super::*;

    #[test]
    fn what_is_not_resident_yet_counts_as_computed() {
        let planned = PlannedMemory { predicted: Bytes(0), measured: Bytes(0) };
        let mut report = MemoryReport {
            weights: WeightMemory {
                predicted: Bytes(500),
                measured: Bytes(500),
                parts: Default::default(),
                formats: Default::default(),
            },
            experts: planned,
            cache: CacheMemory {
                predicted: Bytes(400),
                measured: Bytes(400),
                pages: 4,
                pages_used: 1,
                pages_cached: 2,
                pages_written: 3,
                page_tokens: 64,
                dtype: CacheDtype::Fp8,
                bf16: Bytes(800),
                sequences: vec![SequenceMemory { tokens: 10, pages: 1 }],
            },
            buffers: BuffersMemory { predicted: Bytes(60), used: 0.5 },
            process: ProcessMemory { predicted: Some(Bytes(1000)), measured: Some(Bytes(880)) },
            card: None,
        };
        let memory = worker_memory(&report).expect("the system tells");
        let on_host = &memory.total;
        assert_eq!((on_host.foreseen, on_host.measured), (1000.0, 880.0 + 100.0 + 30.0));
        assert_eq!((on_host.pages, on_host.pages_used), (4, 1));
        report.card = Some(PlannedMemory { predicted: Bytes(7), measured: Bytes(8) });
        let seen: Vec<_> =
            memory.parts.iter().map(|part| (part.kind, part.foreseen, part.measured)).collect();
        let wanted = [
            (MemoryPartKind::Weights, 500.0, 500.0),
            (MemoryPartKind::Cache, 400.0, 300.0),
            (MemoryPartKind::Buffers, 60.0, 30.0),
        ];
        assert_eq!(seen, wanted);
        let cache = &memory.cache;
        assert_eq!((cache.page_bytes, cache.page_bytes_bf16, cache.pages_kept), (100.0, 200.0, 2));
        assert_eq!(cache.sequences, [SequenceUse { tokens: 10, pages: 1 }]);
        let on_card = total(&report).expect("the card tells");
        assert_eq!((on_card.foreseen, on_card.measured), (7.0, 8.0));
        (report.card, report.process.measured) = (None, None);
        assert_eq!(worker_memory(&report), None);
    }
}
