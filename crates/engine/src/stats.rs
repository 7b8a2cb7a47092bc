//! The engine's counters, written by its thread and read by any. Knows nothing of how they are computed or
//! shown.
use std::sync::Arc;

use parking_lot::Mutex;

use crate::cache::pool::Pool;
use crate::sequence::Sequence;
use crate::{DraftStats, Metrics, Routing};

#[derive(Debug)]
pub struct Stats {
    metrics: Mutex<Metrics>,
    /// The expert routing of the answer that ended last.
    routing: Mutex<Arc<Routing>>,
    sequences: Mutex<Vec<SequenceUse>>,
}

/// The cache of one running sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SequenceUse {
    pub tokens: usize,
    pub pages: usize,
}

impl Stats {
    /// A cache of `pages_total` pages that takes `cache_bytes`.
    pub fn new(pages_total: usize, cache_bytes: u64) -> Self {
        let metrics = Metrics { pages_total, cache_bytes, ..Metrics::default() };
        Self { metrics: Mutex::new(metrics), routing: Mutex::default(), sequences: Mutex::default() }
    }

    pub fn metrics(&self) -> Metrics {
        *self.metrics.lock()
    }

    pub fn routing(&self) -> Arc<Routing> {
        self.routing.lock().clone()
    }

    /// A request was admitted; `cached_tokens` of its prompt were in the prefix cache.
    pub fn count_admitted(&self, prompt_tokens: usize, cached_tokens: usize) {
        let mut metrics = self.metrics.lock();
        metrics.requests += 1;
        metrics.prompt_tokens += prompt_tokens as u64;
        metrics.cached_tokens += cached_tokens as u64;
    }

    /// An answer of `completion_tokens` tokens ended.
    pub fn count_finished(&self, completion_tokens: usize, drafts: &DraftStats, routing: Arc<Routing>) {
        *self.routing.lock() = routing;
        let mut metrics = self.metrics.lock();
        metrics.completion_tokens += completion_tokens as u64;
        metrics.drafts_offered += drafts.offered.iter().copied().map(u64::from).sum::<u64>();
        metrics.drafts_accepted += drafts.accepted.iter().copied().map(u64::from).sum::<u64>();
    }

    pub fn sequences(&self) -> Vec<SequenceUse> {
        self.sequences.lock().clone()
    }

    /// The gauges: running sequences and pages in use.
    pub fn set_usage(&self, running: &[Sequence], pool: &Pool) {
        let mut sequences = self.sequences.lock();
        sequences.clear();
        sequences.extend(running.iter().map(|sequence| SequenceUse {
            tokens: sequence.num_computed,
            pages: sequence.pages.table.len(),
        }));
        drop(sequences);
        let mut metrics = self.metrics.lock();
        metrics.running = running.len();
        (metrics.pages_used, metrics.pages_cached) = (pool.used(), pool.cached());
        metrics.pages_written = metrics.pages_written.max(pool.used() + pool.cached());
    }

    /// A pass over `tokens` tokens.
    pub fn count_pass(&self, tokens: usize) {
        let mut metrics = self.metrics.lock();
        metrics.widest_pass = metrics.widest_pass.max(tokens);
    }
}
