//! The time of a prompt and of an answer by operation, from the spans of `kernels::lane`, and how many
//! threads computed: what runs on one of them keeps more threads from being faster (Amdahl's law).
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use models::{OutputRequest, PoolTimes};
use serde::Serialize;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::target::BenchSequence;

/// Of a prompt and of an answer; all but the first token of the answer is token 0.
#[derive(Debug, Serialize)]
pub struct PassOperations {
    prefill: Operations,
    decode: Operations,
}

#[derive(Debug, Serialize)]
struct Operations {
    seconds: f64,
    /// Between the operations.
    other_seconds: f64,
    /// Of the time, that in which one thread computed.
    one_thread_share: f64,
    /// How many times as fast as one thread any number of them could be.
    amdahl: f64,
    by_operation: Vec<Operation>,
}

#[derive(Debug, Serialize)]
struct Operation {
    name: &'static str,
    calls: u64,
    seconds: f64,
    /// That computed, on average.
    threads: f64,
}

impl PassOperations {
    pub fn measure(
        sequence: &mut BenchSequence,
        prompt: &[u32],
        chunk: usize,
        tokens: usize,
    ) -> Result<Self, String> {
        sequence.past = 0;
        let prefill = recorded(|| {
            prompt.chunks(chunk).try_for_each(|chunk| sequence.forward(chunk, OutputRequest::Last).map(drop))
        })?;
        let decode = recorded(|| (0..tokens).try_for_each(|_| sequence.decode(0, 0.0).map(drop)))?;
        Ok(Self { prefill, decode })
    }
}

/// Runs `work` with its spans added up.
fn recorded(work: impl FnOnce() -> Result<(), String> + Send) -> Result<Operations, String> {
    let recorder = Recorder::default();
    let totals = recorder.totals.clone();
    let dispatch = tracing::Dispatch::new(recorder);
    let start = Reading::now();
    // A pass runs in the thread pool, and spans belong to a thread.
    models::in_thread_pool(|| tracing::dispatcher::with_default(&dispatch, work))?;
    let whole = Total { calls: 1, ..start.until_now() };
    let mut by_operation: Vec<Operation> = totals
        .lock()
        .iter()
        .map(|(&name, total)| Operation {
            name,
            calls: total.calls,
            seconds: total.wall.as_secs_f64(),
            threads: total.threads(),
        })
        .collect();
    by_operation.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    let seconds = whole.wall.as_secs_f64();
    let sum: f64 = by_operation.iter().map(|operation| operation.seconds).sum();
    let one_thread_share = whole.alone().as_secs_f64() / seconds.max(1e-9);
    // The work is what one thread would need; of it, `alone` stays on one.
    let work = (whole.alone() + whole.busy).as_secs_f64();
    Ok(Operations {
        seconds,
        other_seconds: (seconds - sum).max(0.0),
        one_thread_share,
        amdahl: work / whole.alone().as_secs_f64().max(1e-9),
        by_operation,
    })
}

#[derive(Clone, Copy, Default)]
struct Total {
    calls: u64,
    wall: Duration,
    /// Within operations of the pool.
    pool: Duration,
    /// Of all threads within tasks of the pool.
    busy: Duration,
}

impl Total {
    /// Outside of the pool.
    fn alone(&self) -> Duration {
        self.wall.saturating_sub(self.pool)
    }

    fn threads(&self) -> f64 {
        (self.alone() + self.busy).as_secs_f64() / self.wall.as_secs_f64().max(1e-9)
    }
}

struct Reading(Instant, PoolTimes);

impl Reading {
    fn now() -> Self {
        Self(Instant::now(), models::pool_times())
    }

    fn until_now(&self) -> Total {
        let now = models::pool_times();
        let (pool, busy) = (now.wall - self.1.wall, now.busy - self.1.busy);
        Total { calls: 0, wall: self.0.elapsed(), pool, busy }
    }
}

type Totals = std::sync::Arc<parking_lot::Mutex<BTreeMap<&'static str, Total>>>;

/// A subscriber that adds up spans by name. Spans do not overlap within a thread.
#[derive(Default)]
struct Recorder {
    totals: Totals,
    names: parking_lot::Mutex<Vec<&'static str>>,
}

thread_local! {
    static ENTERED: RefCell<Vec<Reading>> = const { RefCell::new(Vec::new()) };
}

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && metadata.target().starts_with("kernels::lane")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut names = self.names.lock();
        let name = span.metadata().name();
        let at = names.iter().position(|known| *known == name).unwrap_or_else(|| {
            names.push(name);
            names.len() - 1
        });
        Id::from_u64(at as u64 + 1)
    }

    fn enter(&self, _: &Id) {
        ENTERED.with_borrow_mut(|entered| entered.push(Reading::now()));
    }

    fn exit(&self, span: &Id) {
        let Some(start) = ENTERED.with_borrow_mut(Vec::pop) else { return };
        let own = start.until_now();
        let name = self.names.lock()[span.into_u64() as usize - 1];
        let mut totals = self.totals.lock();
        let total = totals.entry(name).or_default();
        total.calls += 1;
        total.wall += own.wall;
        total.pool += own.pool;
        total.busy += own.busy;
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}
}
