//! Starting an engine and asking it.
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use models::{CacheDtype, KvPages, Model, PAGE_TOKENS};

use crate::admit::uses_mtp;
use crate::cache::pool::Pool;
use crate::cache::spill::{self, Spill, SpillError};
use crate::cancel::CancelHandle;
use crate::draft::Speculation;
use crate::queue::Queue;
use crate::runner::Runner;
use crate::sequence::{Sequence, Sink};
use crate::stats::Stats;
use crate::{Metrics, Request, Routing, StartError, SubmitError};

/// How much the engine may take.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Tokens of one sequence, prompt and answer together; cut to what the model knows.
    pub context: usize,
    /// Sequences at once, 1 to 8.
    pub sequences: usize,
    /// Tokens of prompts read in one pass.
    pub prefill_chunk: usize,
    pub cache: CacheDtype,
    /// What the cache may take. When absent, every sequence has room for a full context. With less, a request waits
    /// until the pages that it may need are free.
    pub cache_bytes: Option<u64>,
    /// Whether pages of ended sequences are kept for prompts that begin alike.
    pub keep_prefixes: bool,
    pub speculation: Speculation,
    /// Where kept prefixes go when the engine ends or rests.
    pub spill: Option<Spill>,
}

/// The most sequences at once.
const MOST_SEQUENCES: usize = 8;

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            context: 4096,
            sequences: 2,
            prefill_chunk: 256,
            cache: CacheDtype::Bf16,
            cache_bytes: None,
            keep_prefixes: true,
            speculation: Speculation::Auto { most: 3 },
            spill: None,
        }
    }
}

/// A running engine. Dropping it closes it.
pub struct Engine {
    queue: Arc<Queue>,
    stats: Arc<Stats>,
    context: usize,
    vocab: usize,
    hidden: usize,
    restored: Result<u64, SpillError>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Engine {
    /// Takes the cache and starts the thread.
    ///
    /// # Errors
    /// A cache that cannot hold one answer, with both numbers; a cache that the device does not give or that fails its
    /// self-check; no thread.
    pub fn start(model: Box<dyn Model>, options: EngineOptions) -> Result<Self, StartError> {
        let context = options.context.min(model.max_positions());
        let sequences = options.sequences.clamp(1, MOST_SEQUENCES);
        let prefill_chunk = options.prefill_chunk.max(1);
        let options = EngineOptions { context, sequences, prefill_chunk, ..options };
        let pages = pages(&options, model.as_ref())?;
        let mut kv =
            KvPages::new(model.cache_shape(), pages, options.cache, model.device()).map_err(refused)?;
        kv.self_check().map_err(refused)?;
        let mut pool = Pool::new(pages);
        let mtp = uses_mtp(&options, model.as_ref());
        let spill = options.spill.as_ref();
        let restored = spill.map_or(Ok(0), |spill| spill::restore(spill, &mut pool, &mut kv, mtp));
        let stats = Arc::new(Stats::new(pages, kv.bytes()));
        let queue = Arc::new(Queue::default());
        let (vocab, hidden) = (model.vocab_size(), model.hidden_size());
        let runner = Runner::new(model, kv, pool, options, queue.clone(), stats.clone());
        let thread = std::thread::Builder::new().name("engine".into()).spawn(move || runner.run())?;
        let thread = Mutex::new(Some(thread));
        Ok(Self { queue, stats, context, vocab, hidden, restored, thread })
    }

    /// Tokens of one sequence.
    pub fn context(&self) -> usize {
        self.context
    }

    /// How many kept pages came back from the disk.
    ///
    /// # Errors
    /// Why the file there was left alone; the engine runs without it.
    pub fn restored(&self) -> Result<u64, &SpillError> {
        self.restored.as_ref().copied()
    }

    /// Takes a request; `sink` hears its events on the engine's thread and must not block.
    ///
    /// # Errors
    /// A prompt that is empty, has unknown tokens, or leaves no room for an answer.
    pub fn submit(&self, request: Request, sink: Sink) -> Result<CancelHandle, SubmitError> {
        let (tokens, context) = (request.tokens.len(), self.context);
        if tokens == 0 {
            return Err(SubmitError::EmptyPrompt);
        }
        if tokens >= context {
            return Err(SubmitError::PromptTooLong { tokens, context });
        }
        if let Some(&token) = request.tokens.iter().find(|token| **token as usize >= self.vocab) {
            return Err(SubmitError::UnknownToken { token, vocab: self.vocab });
        }
        let mut free = 0;
        for span in &request.spans {
            let count = span.rows.len() / self.hidden;
            let end = span.at.checked_add(count).filter(|&end| end <= tokens);
            let (Some(end), true, true) = (end, span.at >= free, count * self.hidden == span.rows.len())
            else {
                return Err(SubmitError::Span { at: span.at, hidden: self.hidden, tokens });
            };
            free = end;
        }
        self.queue.push(Sequence::new(request, context, self.hidden, sink)).ok_or(SubmitError::Stopped)
    }

    /// Which experts the tokens of the answer that ended last went to.
    pub fn routing(&self) -> Arc<Routing> {
        self.stats.routing()
    }

    pub fn metrics(&self) -> Metrics {
        Metrics { waiting: self.queue.len(), ..self.stats.metrics() }
    }

    /// Takes no more, cancels what runs, and comes back when what is kept is saved and the thread has ended.
    pub fn close(&self) {
        self.queue.close();
        let thread = self.thread.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        if let Some(thread) = thread {
            // A panic inside was already told to the request that met it.
            let _ = thread.join();
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.close();
    }
}

fn refused(error: impl std::fmt::Display) -> StartError {
    StartError::Pages(error.to_string())
}

/// Pages of the plan.
fn pages(options: &EngineOptions, model: &dyn Model) -> Result<usize, StartError> {
    let one = options.context.div_ceil(PAGE_TOKENS);
    let Some(given) = options.cache_bytes else { return Ok(options.sequences * one) };
    let page = model.cache_shape().page_bytes(options.cache) as u64;
    let needed = page.saturating_mul(one as u64);
    if given < needed {
        return Err(StartError::Cache { context: options.context, needed, given });
    }
    Ok((given / page).min(u64::from(u32::MAX)) as usize)
}
