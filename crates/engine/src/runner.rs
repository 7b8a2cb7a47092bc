//! The thread that owns the model and the cache, and its loop: hear, sweep, admit, read, settle.
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use models::{Asked, ForwardError, KvPages, Model, PAGE_TOKENS, Pass, Step};

use crate::cache::pool::Pool;
use crate::cache::prefix::{Found, root};
use crate::cache::spill;
use crate::draft::{Drafter, Lookup, Mtp, Speculation};
use crate::queue::{Cancel, Heard, Queue};
use crate::sequence::{Sequence, Turn};
use crate::{EngineError, EngineOptions, FinishReason, Metrics, Routing};

/// Without requests for so long, kept pages are written to the disk.
const REST: Duration = Duration::from_secs(20);
/// Positions that a drafter's cache may lag behind while nobody asks it.
const MOST_BEHIND: usize = 256;

pub struct Runner {
    model: Box<dyn Model>,
    kv: KvPages,
    pool: Pool,
    running: Vec<Sequence>,
    options: EngineOptions,
    queue: Arc<Queue>,
    metrics: Arc<Mutex<Metrics>>,
    /// Of the answer that ended last.
    routing: Arc<Mutex<Arc<Routing>>>,
    /// Turns given so far.
    turns: u64,
    /// The tree's clock when it was last saved.
    saved: u64,
}

impl Runner {
    pub fn new(
        model: Box<dyn Model>,
        kv: KvPages,
        pool: Pool,
        options: EngineOptions,
        queue: Arc<Queue>,
        metrics: Arc<Mutex<Metrics>>,
        routing: Arc<Mutex<Arc<Routing>>>,
    ) -> Self {
        let saved = pool.tree.clock();
        Self { model, kv, pool, running: Vec::new(), options, queue, metrics, routing, turns: 0, saved }
    }

    pub fn run(mut self) {
        while self.hear() {
            self.sweep();
            self.admit();
            let flags: Vec<Cancel> = self.running.iter().map(|sequence| sequence.cancel.clone()).collect();
            let cancelled = || flags.iter().any(Cancel::is_cancelled);
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.turn(&cancelled))) {
                // A bug of this loop belongs to nobody's request.
                self.fail_all(&EngineError::Bug(words(&*panic)));
            }
            self.count();
        }
        self.sweep();
        self.save(&mut || true);
    }

    /// Waits for work; saves when there is none for a while. False when the engine ends.
    fn hear(&mut self) -> bool {
        while self.running.is_empty() {
            let unsaved = self.options.spill.is_some() && self.saved != self.pool.tree.clock();
            match self.queue.wait(unsaved.then_some(REST)) {
                Heard::Closed => return false,
                Heard::Work => break,
                Heard::Nothing => {
                    let queue = self.queue.clone();
                    self.save(&mut || queue.len() == 0);
                }
            }
        }
        !self.queue.is_closed()
    }

    /// Ends what was cancelled.
    fn sweep(&mut self) {
        for index in (0..self.running.len()).rev() {
            if self.running[index].cancel.is_cancelled() {
                self.end(index, FinishReason::Cancelled);
            }
        }
    }

    /// Lets in those that wait, first come first served, while a place and all their pages are there.
    fn admit(&mut self) {
        while self.running.len() < self.options.sequences {
            let (pool, kv, options, model) =
                (&mut self.pool, &mut self.kv, &self.options, self.model.as_ref());
            let Some(sequence) = self.queue.pop_if(|first| admit(first, pool, kv, options, model)) else {
                return;
            };
            self.running.push(sequence);
            let sequence = self.running.last().expect("one was just let in");
            let mut metrics = lock(&self.metrics);
            metrics.requests += 1;
            metrics.prompt_tokens += sequence.tokens.len() as u64;
            metrics.prefix_tokens += sequence.reused as u64;
            drop(metrics);
            if sequence.limit() == sequence.tokens.len() {
                self.end(self.running.len() - 1, sequence.full());
            }
        }
    }

    /// One pass: every answer's newest token with its drafts, and chunks of prompts in turn.
    fn turn(&mut self, cancelled: Asked) {
        let (start, mut ended) = (Instant::now(), Vec::new());
        let chosen = self.choose(cancelled, &mut ended);
        self.read(&chosen, start, cancelled, &mut ended);
        ended.sort_by_key(|(index, _)| std::cmp::Reverse(*index));
        for (index, how) in ended {
            match how {
                Ok(reason) => self.end(index, reason),
                Err(error) => self.fail(index, error),
            }
        }
    }

    /// Where a pass of several fails, each reads alone: numbers do not depend on company, so the others lose nothing,
    /// and only what cannot be computed ends.
    fn read(&mut self, chosen: &[usize], start: Instant, cancelled: Asked, ended: &mut Vec<End>) {
        match (self.pass(chosen, start, cancelled, ended), chosen) {
            // Those that were not cancelled read the same again.
            (Ok(()) | Err(Stop::Cancelled), _) => {}
            (Err(Stop::Failed(error)), [only]) => ended.push((*only, Err(error))),
            (Err(Stop::Failed(_)), several) => {
                several.iter().for_each(|&index| self.read(&[index], start, cancelled, ended));
            }
        }
    }

    fn pass(
        &mut self,
        chosen: &[usize],
        start: Instant,
        cancelled: Asked,
        ended: &mut Vec<End>,
    ) -> Result<(), Stop> {
        if chosen.is_empty() {
            return Ok(());
        }
        let decoding = chosen.iter().all(|&index| self.running[index].is_decoding());
        let steps: Vec<Step> = chosen.iter().map(|&index| self.running[index].step()).collect();
        let mut routed = Vec::new();
        let (mut given, mut row, hidden) = (Vec::new(), 0, self.model.hidden_size());
        for &index in chosen {
            given.extend(self.running[index].given(row, hidden));
            row += self.running[index].reading.len();
        }
        let outputs = guarded(|| {
            let mut pass = Pass { routing: Some(&mut routed), given: &given, ..Pass::new(cancelled) };
            self.model.forward(&steps, &mut self.kv, &mut pass)
        })?;
        let mut row = 0;
        for &index in chosen {
            let sequence = &mut self.running[index];
            sequence.note_routing(&routed, row);
            row += sequence.reading.len();
        }
        for (&index, output) in chosen.iter().zip(&outputs) {
            let drafted = self.running[index].drafted() > 0;
            // What one request brings along, such as its grammar, fails for it alone.
            let turn = catch_unwind(AssertUnwindSafe(|| self.settle(index, output, cancelled)));
            match turn.unwrap_or_else(|panic| Turn::Failed(EngineError::Bug(words(&*panic)))) {
                Turn::Goes(tokens) if decoding => {
                    self.running[index].gate.count(drafted, start.elapsed(), tokens);
                }
                Turn::Goes(_) => {}
                Turn::Ended(reason) => ended.push((index, Ok(reason))),
                Turn::Failed(error) => ended.push((index, Err(error))),
            }
        }
        Ok(())
    }

    /// Who takes part in the next pass, each with its plan made and room for it. The size of a chunk depends on its own
    /// prompt alone, so that what else runs cannot change how it is computed. Nobody when it was cancelled.
    fn choose(&mut self, cancelled: Asked, ended: &mut Vec<End>) -> Vec<usize> {
        let mut chosen = Vec::new();
        let mut prompts = Vec::new();
        for (index, sequence) in self.running.iter_mut().enumerate() {
            if !sequence.is_decoding() {
                prompts.push(index);
                continue;
            }
            let most = match self.options.speculation {
                Speculation::Auto { .. } if !sequence.gate.is_open() => 0,
                speculation => speculation.most(),
            };
            let end = sequence.limit().min(sequence.tokens.len() + most);
            self.pool.make_room(&mut sequence.pages, end);
            let (model, kv) = (self.model.as_ref(), &mut self.kv);
            match guarded(|| sequence.plan_token(model, kv, most, cancelled)) {
                Ok(()) => chosen.push(index),
                Err(Stop::Cancelled) => return Vec::new(),
                Err(Stop::Failed(error)) => ended.push((index, Err(error))),
            }
        }
        prompts.sort_by_key(|&index| self.running[index].turn);
        let mut budget = self.options.prefill_chunk;
        for (place, &index) in prompts.iter().enumerate() {
            let sequence = &mut self.running[index];
            sequence.plan_chunk(self.options.prefill_chunk);
            let count = sequence.reading.len();
            if place > 0 && count > budget {
                break;
            }
            budget = budget.saturating_sub(count);
            self.turns += 1;
            sequence.turn = self.turns;
            self.pool.make_room(&mut sequence.pages, sequence.cached + count);
            chosen.push(index);
        }
        chosen
    }

    /// Takes what the pass computed for one sequence.
    fn settle(&mut self, index: usize, output: &models::Output, cancelled: Asked) -> Turn {
        let (model, sequence) = (self.model.as_ref(), &mut self.running[index]);
        let turn = sequence.settle(output, model.vocab_size());
        match sequence.catch_up(model, &mut self.kv, MOST_BEHIND, cancelled) {
            // It lags a little longer.
            Ok(()) | Err(ForwardError::Cancelled) => {}
            Err(error) => return Turn::Failed(EngineError::Step(error.to_string())),
        }
        if self.options.keep_prefixes {
            let mut pages = std::mem::take(&mut sequence.pages);
            self.pool.publish(&mut pages, sequence.computed());
            sequence.pages = pages;
        }
        turn
    }

    fn end(&mut self, index: usize, reason: FinishReason) {
        let mut sequence = self.running.remove(index);
        if reason != FinishReason::Cancelled {
            // A failure here only means that less is kept.
            let (model, kv) = (self.model.as_ref(), &mut self.kv);
            let _ = catch_unwind(AssertUnwindSafe(|| sequence.catch_up(model, kv, 0, &|| false)));
        }
        let pages = std::mem::take(&mut sequence.pages);
        self.pool.retire(pages, if self.options.keep_prefixes { sequence.computed() } else { &[] });
        self.queue.forget(&sequence.cancel);
        *lock(&self.routing) = Arc::new(sequence.take_routing());
        let drafts = sequence.drafts();
        let mut metrics = lock(&self.metrics);
        metrics.completion_tokens += sequence.answered() as u64;
        metrics.drafts_offered += drafts.offered.iter().copied().map(u64::from).sum::<u64>();
        metrics.drafts_accepted += drafts.accepted.iter().copied().map(u64::from).sum::<u64>();
        drop(metrics);
        // Pages and figures come before the last event: who hears it may ask for them.
        self.count();
        sequence.finish(reason);
    }

    fn fail(&mut self, index: usize, error: EngineError) {
        let mut sequence = self.running.remove(index);
        self.pool.retire(std::mem::take(&mut sequence.pages), &[]);
        self.queue.forget(&sequence.cancel);
        self.count();
        sequence.fail(error);
    }

    fn fail_all(&mut self, error: &EngineError) {
        while let Some(last) = self.running.len().checked_sub(1) {
            self.fail(last, error.clone());
        }
    }

    fn count(&self) {
        let mut metrics = lock(&self.metrics);
        metrics.running = self.running.len();
        (metrics.pages_used, metrics.pages_kept) = (self.pool.used(), self.pool.kept());
    }

    /// Writes what is kept, unless nothing is new or `go_on` says no.
    fn save(&mut self, go_on: &mut dyn FnMut() -> bool) {
        let Some(spill) = &self.options.spill else { return };
        let clock = self.pool.tree.clock();
        if clock == self.saved {
            return;
        }
        let mtp = uses_mtp(&self.options, self.model.as_ref());
        match spill::save(spill, &self.pool, &self.kv, mtp, go_on) {
            Ok(Some(_)) => self.saved = clock,
            Ok(None) => {}
            Err(error) => {
                tracing::warn!("kept pages are lost with this process: failed to {error}");
                self.saved = clock;
            }
        }
    }
}

/// Whether `first` is let in: its pages are promised, and what was computed before is in them.
fn admit(
    first: &mut Sequence,
    pool: &mut Pool,
    kv: &mut KvPages,
    options: &EngineOptions,
    model: &dyn Model,
) -> bool {
    let root = root(&first.salt);
    let mut found = Found::default();
    if options.keep_prefixes {
        found = pool.tree.lookup(root, first.names());
    }
    let mtp = uses_mtp(options, model);
    found.cut(if mtp { read_again(found.tokens()) } else { found.tokens().min(first.tokens.len() - 1) });
    let Some((mut pages, tail)) = pool.admit(root, found, first.limit().div_ceil(PAGE_TOKENS)) else {
        return false;
    };
    let mut cached = pages.list.len() * PAGE_TOKENS;
    if let Some(tail) = tail {
        let page = pool.take_tail(&mut pages, &tail);
        kv.copy_page(tail.page, page).expect("both pages are of this cache");
        cached += tail.tokens;
    }
    let drafter: Option<Box<dyn Drafter>> = match options.speculation.most() {
        0 => None,
        _ if mtp => Some(Box::new(Mtp::new(if cached == 0 { 0 } else { cached + 1 }))),
        _ => Some(Box::new(Lookup)),
    };
    first.start(pages, cached, drafter);
    true
}

pub fn uses_mtp(options: &EngineOptions, model: &dyn Model) -> bool {
    options.speculation.most() > 0 && model.has_mtp()
}

/// How many of `found` tokens to reuse when the hidden state of the last one is needed and not kept: that one is read
/// again, into a copy of its page, where the draft layer's own entry for it stays.
fn read_again(found: usize) -> usize {
    let last = found.saturating_sub(1);
    // The first token of a page would not bring its page along.
    if last.is_multiple_of(PAGE_TOKENS) { last.saturating_sub(1) } else { last }
}

/// How the sequence at this place ended.
type End = (usize, Result<FinishReason, EngineError>);

/// Why a pass did not finish.
enum Stop {
    Cancelled,
    Failed(EngineError),
}

/// Computes; a panic is a failure like any other.
fn guarded<T>(compute: impl FnOnce() -> Result<T, ForwardError>) -> Result<T, Stop> {
    match catch_unwind(AssertUnwindSafe(compute)) {
        Ok(Ok(computed)) => Ok(computed),
        Ok(Err(ForwardError::Cancelled)) => Err(Stop::Cancelled),
        Ok(Err(error)) => Err(Stop::Failed(EngineError::Step(error.to_string()))),
        Err(panic) => Err(Stop::Failed(EngineError::Bug(words(&*panic)))),
    }
}

/// Plain data stays usable after a panic elsewhere.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no words".to_owned())
}
