//! What a worker takes of memory, by its own report, beside what it computed when it started.
//! Bytes; nothing is stored here.
use contract::MemoryMeasure;
use deploy::{State, Worker};
use protocol::MemoryReport;

/// `None` while it is not ready, or where the system does not tell.
pub(super) async fn measure(worker: &Worker) -> Option<MemoryMeasure> {
    if !matches!(worker.state(), State::Ready { .. }) {
        return None;
    }
    let text = worker.ready().await.ok()?.root_text("v1/whaledeck/memory").await.ok()?;
    measured(&serde_json::from_str(&text).ok()?)
}

/// What is not resident yet counts as it was computed: pages of the cache that were never written, and the
/// activations of a wider pass than there was.
fn measured(report: &MemoryReport) -> Option<MemoryMeasure> {
    let bytes = |bytes: protocol::Bytes| bytes.0 as f64;
    let (foreseen, measured) = match report.card {
        Some(card) => (bytes(card.predicted), bytes(card.measured)),
        None => {
            let cache = &report.cache;
            let page = bytes(cache.measured) / cache.pages.max(1) as f64;
            let unwritten = page * cache.pages.saturating_sub(cache.pages_written) as f64;
            let unused = bytes(report.buffers.predicted) * (1.0 - report.buffers.used);
            let resident = report.process.measured.map(bytes)?;
            (report.process.predicted.map(bytes)?, resident + unwritten + unused)
        }
    };
    let count = |pages: usize| u32::try_from(pages).unwrap_or(u32::MAX);
    Some(MemoryMeasure {
        foreseen,
        measured,
        pages: count(report.cache.pages),
        pages_used: count(report.cache.pages_used),
    })
}

#[cfg(test)]
mod tests {
    use protocol::{BuffersMemory, Bytes, CacheMemory, PlannedMemory, ProcessMemory, WeightMemory};

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
                pages_written: 3,
            },
            buffers: BuffersMemory { predicted: Bytes(60), used: 0.5 },
            process: ProcessMemory { predicted: Some(Bytes(1000)), measured: Some(Bytes(880)) },
            card: None,
        };
        let on_host = measured(&report).expect("the system tells");
        assert_eq!((on_host.foreseen, on_host.measured), (1000.0, 880.0 + 100.0 + 30.0));
        assert_eq!((on_host.pages, on_host.pages_used), (4, 1));
        report.card = Some(PlannedMemory { predicted: Bytes(7), measured: Bytes(8) });
        let on_card = measured(&report).expect("the card tells");
        assert_eq!((on_card.foreseen, on_card.measured), (7.0, 8.0));
        (report.card, report.process.measured) = (None, None);
        assert_eq!(measured(&report), None);
    }
}
