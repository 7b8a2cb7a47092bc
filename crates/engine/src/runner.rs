//! The engine's thread, which owns the model and the KV cache, and its loop: wait, then [`Runner::step`]. The
//! policy of what runs is in `scheduler`, fault isolation in `recover`, counters in `stats`.
use std::sync::Arc;
use std::time::{Duration, Instant};

use models::{CancelCheck, ForwardError, KvPages, Model, Output, Pass, Step};

use crate::admit::{reserve, uses_mtp};
use crate::cache::pool::Pool;
use crate::cache::spill;
use crate::cancel::CancelFlag;
use crate::draft::Speculation;
use crate::queue::{Queue, Wake};
use crate::recover::{PassError, catch, catch_forward, isolate};
use crate::scheduler::Scheduler;
use crate::sequence::StepOutcome;
use crate::stats::Stats;
use crate::{EngineError, EngineOptions, FinishReason};

/// Cached pages are written to the disk after so long without requests.
const SAVE_AFTER: Duration = Duration::from_secs(20);
/// Positions that a drafter's cache may lag behind while it does not draft.
const MAX_DRAFTER_LAG: usize = 256;

pub struct Runner {
    model: Box<dyn Model>,
    kv: KvPages,
    pool: Pool,
    scheduler: Scheduler,
    options: EngineOptions,
    queue: Arc<Queue>,
    stats: Arc<Stats>,
    /// The prefix tree's clock when it was last saved.
    saved: u64,
}

/// The index of a sequence and how it ended.
type SequenceEnd = (usize, Result<FinishReason, EngineError>);

impl Runner {
    pub fn new(
        model: Box<dyn Model>,
        kv: KvPages,
        pool: Pool,
        options: EngineOptions,
        queue: Arc<Queue>,
        stats: Arc<Stats>,
    ) -> Self {
        let saved = pool.tree.clock();
        let scheduler = Scheduler::new(queue.clone(), options.max_sequences, options.prefill_chunk);
        Self { model, kv, pool, scheduler, options, queue, stats, saved }
    }

    pub fn run(mut self) {
        while self.wait() {
            self.step();
        }
        self.reap();
        self.save(&mut || true);
    }

    /// Blocks while there is no work, and saves when there is none for a while. False when the engine ends.
    fn wait(&mut self) -> bool {
        while self.scheduler.running.is_empty() {
            let unsaved = self.options.spill.is_some() && self.saved != self.pool.tree.clock();
            match self.queue.wait(unsaved.then_some(SAVE_AFTER)) {
                Wake::Closed => return false,
                Wake::Work => break,
                Wake::Timeout => {
                    let queue = self.queue.clone();
                    self.save(&mut || queue.len() == 0);
                }
            }
        }
        !self.queue.is_closed()
    }

    /// One forward pass and everything around it.
    fn step(&mut self) {
        self.reap();
        self.admit();
        let (start, flags) = (Instant::now(), self.scheduler.cancel_flags());
        let cancelled = || flags.iter().any(CancelFlag::is_cancelled);
        let caught = catch(|| {
            let mut ended = Vec::new();
            let batch = self.schedule(&cancelled, &mut ended);
            // A pass computes all experts, or those that the router chose.
            let (all, routed): (Vec<usize>, Vec<usize>) =
                batch.iter().partition(|&&index| self.scheduler.running[index].all_experts);
            for batch in [all, routed] {
                let failed = isolate(&batch, |part| {
                    let outputs = self.forward(part, &cancelled)?;
                    self.commit(part, &outputs, start, &cancelled, &mut ended);
                    Ok(())
                });
                ended.extend(failed.into_iter().map(|(index, error)| (index, Err(error))));
            }
            self.end_all(ended);
        });
        if let Err(bug) = caught {
            // A bug of this loop is the fault of no single request.
            self.fail_all(&bug);
        }
        self.stats.set_usage(&self.scheduler.running, &self.pool);
    }

    /// Ends the cancelled sequences.
    fn reap(&mut self) {
        for index in self.scheduler.cancelled() {
            self.end(index, FinishReason::Cancelled);
        }
    }

    /// Admits waiting requests while a slot is free and their pages are available.
    fn admit(&mut self) {
        loop {
            let (pool, kv, options) = (&mut self.pool, &mut self.kv, &self.options);
            let model = self.model.as_ref();
            let Some(index) = self.scheduler.admit(|first| reserve(first, pool, kv, options, model)) else {
                return;
            };
            let sequence = &self.scheduler.running[index];
            self.stats.count_admitted(sequence.tokens.len(), sequence.num_cached);
            if sequence.max_len() == sequence.tokens.len() {
                self.end(index, sequence.length_reason());
            }
        }
    }

    /// The sequences of the next pass, each with its input and the pages for it. Empty when drafting was
    /// cancelled.
    fn schedule(&mut self, cancelled: CancelCheck, ended: &mut Vec<SequenceEnd>) -> Vec<usize> {
        let batch = self.scheduler.schedule();
        let mut scheduled = Vec::new();
        for index in batch.decode {
            let sequence = &mut self.scheduler.running[index];
            let max_drafts = match self.options.speculation {
                Speculation::Auto { .. } if !sequence.adaptive.is_on() => 0,
                speculation => speculation.max_drafts(),
            };
            let end = sequence.max_len().min(sequence.tokens.len() + max_drafts);
            self.pool.alloc(&mut sequence.pages, end);
            let (model, kv) = (self.model.as_ref(), &mut self.kv);
            match catch_forward(|| sequence.plan_decode(model, kv, max_drafts, cancelled)) {
                Ok(()) => scheduled.push(index),
                Err(PassError::Cancelled) => return Vec::new(),
                Err(PassError::Failed(error)) => ended.push((index, Err(error))),
            }
        }
        for (index, tokens) in batch.prefill {
            self.scheduler.mark_scheduled(index);
            let sequence = &mut self.scheduler.running[index];
            sequence.plan_prefill(tokens);
            self.pool.alloc(&mut sequence.pages, sequence.num_computed + tokens);
            scheduled.push(index);
        }
        scheduled
    }

    /// One pass of the model over the planned input of these sequences.
    fn forward(&mut self, batch: &[usize], cancelled: CancelCheck) -> Result<Vec<Output>, PassError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let running = &mut self.scheduler.running;
        let steps: Vec<Step> = batch.iter().map(|&index| running[index].step()).collect();
        let (mut embeds, mut row, hidden) = (Vec::new(), 0, self.model.hidden_size());
        for &index in batch {
            embeds.extend(running[index].input_embeds(row, hidden));
            row += running[index].input.len();
        }
        self.stats.count_pass(row);
        let temperatures: Option<Vec<f32>> =
            batch.iter().map(|&index| running[index].top_temperature()).collect();
        let temperatures = temperatures.unwrap_or_default();
        let mut routed = Vec::new();
        let outputs = catch_forward(|| {
            let mut pass = Pass {
                routing: Some(&mut routed),
                input_embeds: &embeds,
                temperatures: &temperatures,
                all_experts: batch.iter().any(|&index| running[index].all_experts),
                ..Pass::new(cancelled)
            };
            self.model.forward(&steps, &mut self.kv, &mut pass)
        })?;
        let mut row = 0;
        for &index in batch {
            let sequence = &mut running[index];
            sequence.record_routing(&routed, row);
            row += sequence.input.len();
        }
        Ok(outputs)
    }

    /// Takes what the pass computed: samples tokens, emits them, and notes which sequences ended.
    fn commit(
        &mut self,
        batch: &[usize],
        outputs: &[Output],
        start: Instant,
        cancelled: CancelCheck,
        ended: &mut Vec<SequenceEnd>,
    ) {
        let decoding = batch.iter().all(|&index| self.scheduler.running[index].is_decoding());
        for (&index, output) in batch.iter().zip(outputs) {
            let drafted = self.scheduler.running[index].num_drafts() > 0;
            // What belongs to one request, such as its grammar, fails for that request alone.
            let outcome = catch(|| self.commit_one(index, output, cancelled));
            match outcome.unwrap_or_else(StepOutcome::Failed) {
                StepOutcome::Continues(tokens) if decoding => {
                    self.scheduler.running[index].adaptive.record(drafted, start.elapsed(), tokens);
                }
                StepOutcome::Continues(_) => {}
                StepOutcome::Finished(reason) => ended.push((index, Ok(reason))),
                StepOutcome::Failed(error) => ended.push((index, Err(error))),
            }
        }
    }

    fn commit_one(&mut self, index: usize, output: &Output, cancelled: CancelCheck) -> StepOutcome {
        let (model, sequence) = (self.model.as_ref(), &mut self.scheduler.running[index]);
        let outcome = sequence.commit(output, model.vocab_size());
        match sequence.sync_drafter(model, &mut self.kv, MAX_DRAFTER_LAG, cancelled) {
            // When it is cancelled, the drafter lags until the next pass.
            Ok(()) | Err(ForwardError::Cancelled) => {}
            Err(error) => return StepOutcome::Failed(EngineError::Forward(error.to_string())),
        }
        if self.options.prefix_caching {
            let mut pages = std::mem::take(&mut sequence.pages);
            self.pool.publish(&mut pages, sequence.computed_ids());
            sequence.pages = pages;
        }
        outcome
    }

    /// Ends these sequences, from the last one on, so that the indices stay valid.
    fn end_all(&mut self, mut ended: Vec<SequenceEnd>) {
        ended.sort_by_key(|(index, _)| std::cmp::Reverse(*index));
        for (index, how) in ended {
            match how {
                Ok(reason) => self.end(index, reason),
                Err(error) => self.fail(index, error),
            }
        }
    }

    fn end(&mut self, index: usize, reason: FinishReason) {
        let mut sequence = self.scheduler.remove(index);
        if reason != FinishReason::Cancelled {
            // A failure here only means that fewer pages stay in the cache.
            let (model, kv) = (self.model.as_ref(), &mut self.kv);
            let _ = catch(|| sequence.sync_drafter(model, kv, 0, &|| false));
        }
        let pages = std::mem::take(&mut sequence.pages);
        self.pool.release(pages, if self.options.prefix_caching { sequence.computed_ids() } else { &[] });
        let routing = Arc::new(sequence.take_routing());
        self.stats.count_finished(sequence.completion_len(), &sequence.draft_stats(), routing.clone());
        // Pages and counters come before the last event: its receiver may ask for them.
        self.stats.set_usage(&self.scheduler.running, &self.pool);
        sequence.finish(reason, routing);
    }

    fn fail(&mut self, index: usize, error: EngineError) {
        let mut sequence = self.scheduler.remove(index);
        self.pool.release(std::mem::take(&mut sequence.pages), &[]);
        self.stats.set_usage(&self.scheduler.running, &self.pool);
        sequence.fail(error);
    }

    fn fail_all(&mut self, error: &EngineError) {
        while let Some(last) = self.scheduler.running.len().checked_sub(1) {
            self.fail(last, error.clone());
        }
    }

    /// Writes the cached pages to the disk, unless nothing is new or `should_continue` returns false.
    fn save(&mut self, should_continue: &mut dyn FnMut() -> bool) {
        let Some(spill) = &self.options.spill else { return };
        let clock = self.pool.tree.clock();
        if clock == self.saved {
            return;
        }
        let mtp = uses_mtp(&self.options, self.model.as_ref());
        match spill::save(spill, &self.pool, &self.kv, mtp, should_continue) {
            Ok(Some(_)) => self.saved = clock,
            Ok(None) => {}
            Err(error) => {
                tracing::warn!("the prefix cache ends with this process: failed to {error}");
                self.saved = clock;
            }
        }
    }
}
