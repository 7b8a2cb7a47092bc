//! The public handle: starts the engine's thread, validates requests and passes them on. Knows nothing of
//! what the thread does with them.
use std::sync::Arc;
use std::thread::JoinHandle;

use models::{KvPages, Model, PAGE_TOKENS};
use parking_lot::Mutex;

use crate::admit::uses_mtp;
use crate::cache::pool::Pool;
use crate::cache::spill::{self, SpillError};
use crate::cancel::CancelHandle;
use crate::queue::Queue;
use crate::runner::Runner;
use crate::sequence::{Sequence, Sink};
use crate::stats::{SequenceUse, Stats};
use crate::{EngineOptions, Metrics, Request, Routing, StartError, SubmitError};

const MAX_SEQUENCES: usize = 8;

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
    /// Allocates the KV cache and starts the thread.
    ///
    /// # Errors
    /// When the cache cannot hold one sequence, the card does not give its memory or fails the self-check,
    /// or the thread does not start.
    pub fn start(model: Box<dyn Model>, options: EngineOptions) -> Result<Self, StartError> {
        let context = options.context.min(model.max_positions());
        let max_sequences = options.max_sequences.clamp(1, MAX_SEQUENCES);
        let prefill_chunk = options.prefill_chunk.max(1);
        let options = EngineOptions { context, max_sequences, prefill_chunk, ..options };
        let pages = num_pages(&options, model.as_ref())?;
        let mut kv = KvPages::new(model.cache_shape(), pages, options.cache_dtype, model.place())
            .map_err(pages_error)?;
        kv.self_check().map_err(|error| StartError::SelfCheck(error.to_string()))?;
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

    /// Tokens of one sequence, prompt and answer together.
    pub fn context(&self) -> usize {
        self.context
    }

    /// How many pages of the prefix cache were restored from the disk.
    ///
    /// # Errors
    /// Why the saved file was not used. The engine runs without it.
    pub fn restored(&self) -> Result<u64, &SpillError> {
        self.restored.as_ref().copied()
    }

    /// Queues a request. `sink` receives its events on the engine's thread and must not block.
    ///
    /// # Errors
    /// When the prompt is empty, has unknown tokens or invalid embeddings, or leaves no room for an answer.
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
        for span in &request.embeds {
            let count = span.values.len() / self.hidden;
            let end = span.start.checked_add(count).filter(|&end| end <= tokens);
            let (Some(end), true, true) = (end, span.start >= free, count * self.hidden == span.values.len())
            else {
                return Err(SubmitError::Embeds { start: span.start, hidden: self.hidden, tokens });
            };
            free = end;
        }
        self.queue.push(Sequence::new(request, context, self.hidden, sink)).ok_or(SubmitError::Stopped)
    }

    /// The expert routing of the answer that ended last.
    pub fn routing(&self) -> Arc<Routing> {
        self.stats.routing()
    }

    /// The cache of each running sequence.
    pub fn sequences(&self) -> Vec<SequenceUse> {
        self.stats.sequences()
    }

    pub fn metrics(&self) -> Metrics {
        Metrics { waiting: self.queue.len(), ..self.stats.metrics() }
    }

    /// Rejects new requests, cancels the others, and returns when the prefix cache is saved and the thread
    /// has ended.
    pub fn close(&self) {
        self.queue.close();
        let thread = self.thread.lock().take();
        if let Some(thread) = thread {
            // A panic of the thread was already emitted to the requests that it affected.
            let _ = thread.join();
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.close();
    }
}

fn pages_error(error: impl std::fmt::Display) -> StartError {
    StartError::Pages(error.to_string())
}

/// Pages of the KV cache.
fn num_pages(options: &EngineOptions, model: &dyn Model) -> Result<usize, StartError> {
    let per_sequence = options.context.div_ceil(PAGE_TOKENS);
    let Some(available) = options.cache_bytes else { return Ok(options.max_sequences * per_sequence) };
    let page = model.cache_shape().page_bytes(options.cache_dtype) as u64;
    let needed = page.saturating_mul(per_sequence as u64);
    if available < needed {
        return Err(StartError::Cache { context: options.context, needed, available });
    }
    Ok((available / page).min(u64::from(u32::MAX)) as usize)
}
