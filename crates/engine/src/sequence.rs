//! One request from submission to its last event: tokens, pages, drafts, sampler and sink. Plans its own part
//! of a forward pass and takes the result. Knows nothing of other sequences.
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use models::{
    CancelCheck, ForwardError, InputEmbeds, KvPages, LayerRouting, Logits, Model, Output, OutputRequest, Step,
};
use sha2::{Digest, Sha256};

use crate::cache::pool::Pages;
use crate::cancel::CancelFlag;
use crate::draft::{AdaptiveDrafting, DraftContext, Drafter};
use crate::sampler::Sampler;
use crate::{
    DistributionRequest, DraftStats, EmbedSpan, EngineError, Event, FinishReason, PrefillProgress, Request,
    Routing, Sampling, Timings, TokenTrace,
};

/// Receives the events of one request. It must not block; if it panics, the request is cancelled.
pub type Sink = Box<dyn FnMut(Event) + Send>;

pub struct Sequence {
    /// The prompt, then every sampled token.
    pub tokens: Vec<u32>,
    /// Keys of the prefix cache: the tokens, with a content hash at the positions of images.
    prefix_ids: Vec<u32>,
    embeds: Vec<EmbedSpan>,
    /// How many of `tokens` are in the KV cache.
    pub num_computed: usize,
    /// How many of `tokens` came from the prefix cache.
    pub num_cached: usize,
    pub pages: Pages,
    pub salt: Vec<u8>,
    pub cancel: CancelFlag,
    pub drafter: Option<Box<dyn Drafter>>,
    pub adaptive: AdaptiveDrafting,
    /// Input of the next forward pass: tokens from `num_computed` on, then drafts.
    pub input: Vec<u32>,
    /// The scheduler's count when a chunk of its prompt was last scheduled.
    pub last_scheduled: u64,
    sampler: Sampler,
    prompt_len: usize,
    /// Requested tokens of the answer.
    max_tokens: usize,
    /// Largest length of `tokens`.
    max_len: usize,
    stop_tokens: Vec<u32>,
    draft_stats: DraftStats,
    routing: Routing,
    /// The position of `tokens` that is the first of `routing`.
    routing_start: usize,
    trace: bool,
    distributions: Option<DistributionRequest>,
    pub all_experts: bool,
    submitted: Instant,
    admitted: Option<Instant>,
    first_token: Option<Instant>,
    sink: Option<Sink>,
}

impl std::fmt::Debug for Sequence {
    fn fmt(&self, out: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(out, "Sequence({} tokens, {} computed)", self.tokens.len(), self.num_computed)
    }
}

/// What one step did for a sequence.
pub enum StepOutcome {
    /// It continues, with so many new tokens.
    Continues(usize),
    Finished(FinishReason),
    Failed(EngineError),
}

impl Sequence {
    /// A sequence of at most `context` tokens. The embeddings of the request must be valid for rows of
    /// `hidden` values.
    pub fn new(request: Request, context: usize, hidden: usize, sink: Sink) -> Self {
        let prompt_len = request.tokens.len();
        let max_tokens = request.max_tokens.unwrap_or(usize::MAX);
        let max_len = context.min(prompt_len.saturating_add(max_tokens));
        let prefix_ids = prefix_ids(&request.tokens, &request.embeds, hidden);
        Self {
            sampler: Sampler::new(request.sampling, request.constraint, &request.tokens),
            tokens: request.tokens,
            prefix_ids,
            embeds: request.embeds,
            num_computed: 0,
            num_cached: 0,
            pages: Pages::default(),
            salt: request.salt,
            cancel: CancelFlag::default(),
            drafter: None,
            adaptive: AdaptiveDrafting::default(),
            input: Vec::new(),
            last_scheduled: 0,
            prompt_len,
            max_tokens,
            max_len,
            stop_tokens: request.stop_tokens,
            draft_stats: DraftStats::default(),
            routing: Routing::default(),
            // A pass predicts the token after its own, so the prompt's own passes are one position early.
            routing_start: if request.prompt_routing { 1 } else { prompt_len },
            trace: request.trace,
            distributions: request.distributions,
            all_experts: request.all_experts,
            submitted: Instant::now(),
            admitted: None,
            first_token: None,
            sink: Some(sink),
        }
    }

    /// Largest length of prompt and answer together.
    pub fn max_len(&self) -> usize {
        self.max_len
    }

    /// The request is admitted: its pages are reserved and the first `num_cached` tokens are in them.
    pub fn start(&mut self, pages: Pages, num_cached: usize, drafter: Option<Box<dyn Drafter>>) {
        (self.pages, self.drafter) = (pages, drafter);
        (self.num_computed, self.num_cached) = (num_cached, num_cached);
        self.draft_stats.drafter = self.drafter.as_ref().map(|drafter| drafter.kind());
        self.admitted = Some(Instant::now());
        self.emit_progress();
    }

    fn emit_progress(&mut self) {
        let elapsed = self.admitted.map(|at| at.elapsed()).unwrap_or_default();
        let (total, cached, processed) = (self.prompt_len, self.num_cached, self.num_computed);
        self.emit(Event::Prefill(PrefillProgress { total, cached, processed, elapsed }));
    }

    pub fn is_decoding(&self) -> bool {
        self.num_computed + 1 == self.tokens.len() && self.tokens.len() > self.prompt_len
    }

    /// Prompt tokens that are not computed yet.
    pub fn prompt_left(&self) -> usize {
        self.tokens.len() - self.num_computed
    }

    /// The next pass computes the next `tokens` tokens of the prompt.
    pub fn plan_prefill(&mut self, tokens: usize) {
        // The input of a cancelled pass is still there. It is the same.
        self.input.clear();
        self.input.extend_from_slice(&self.tokens[self.num_computed..self.num_computed + tokens]);
    }

    /// The next pass computes the newest token and at most `max_drafts` drafts.
    pub fn plan_decode(
        &mut self,
        model: &dyn Model,
        kv: &mut KvPages,
        max_drafts: usize,
        cancelled: CancelCheck,
    ) -> Result<(), ForwardError> {
        if !self.input.is_empty() {
            return Ok(()); // The input of a cancelled pass is computed again.
        }
        self.input.extend(self.tokens.last());
        let max = max_drafts.min(self.max_len.saturating_sub(self.tokens.len() + 1));
        if let Some(drafter) = self.drafter.as_mut().filter(|_| max > 0) {
            let (pages, tokens, sampler) = (&self.pages.table[..], &self.tokens[..], &mut self.sampler);
            let mut context = DraftContext { model, kv, pages, tokens, sampler, cancelled };
            self.input.extend(drafter.propose(&mut context, max)?);
        }
        Ok(())
    }

    /// Its part of the next forward pass.
    pub fn step(&self) -> Step<'_> {
        let (tokens, pages) = (&self.input[..], &self.pages.table[..]);
        let (output, prefill) = (self.output_request(), !self.is_decoding());
        Step { tokens, pages, past: self.num_computed, output, prefill }
    }

    /// The temperature at which its logits are sampled, when the most likely tokens are enough.
    pub fn top_temperature(&self) -> Option<f32> {
        self.sampler.top_temperature()
    }

    /// The embeddings that fall into its part of the next pass, which begins at row `first` of the batch.
    pub fn input_embeds(&self, first: usize, hidden: usize) -> impl Iterator<Item = InputEmbeds<'_>> {
        let (from, to) = (self.num_computed, self.num_computed + self.input.len());
        self.embeds.iter().filter_map(move |span| {
            let (start, end) = (span.start.max(from), (span.start + span.values.len() / hidden).min(to));
            let values = || &span.values[(start - span.start) * hidden..(end - span.start) * hidden];
            (start < end).then(|| InputEmbeds { row: first + start - from, values: values() })
        })
    }

    /// Keys of the whole prompt in the prefix cache.
    pub fn prefix_ids(&self) -> &[u32] {
        &self.prefix_ids
    }

    fn output_request(&self) -> OutputRequest {
        let needs_hidden = self.drafter.as_ref().is_some_and(|drafter| drafter.needs_hidden());
        if self.num_drafts() > 0 {
            OutputRequest::All
        } else if needs_hidden {
            OutputRequest::LastAndHidden
        } else if self.num_computed + self.input.len() < self.tokens.len() {
            OutputRequest::None
        } else {
            OutputRequest::Last
        }
    }

    /// Drafts in `input`.
    pub fn num_drafts(&self) -> usize {
        (self.num_computed + self.input.len()).saturating_sub(self.tokens.len())
    }

    /// Records the expert routing of the current pass. Its rows of the batch begin at `row`.
    pub fn record_routing(&mut self, routed: &[LayerRouting], row: usize) {
        let first = self.num_computed as isize - self.routing_start as isize;
        self.routing.record(first, routed, row, self.input.len());
    }

    /// The expert routing of the whole answer, or of the prompt.
    pub fn take_routing(&mut self) -> Routing {
        let mut routing = std::mem::take(&mut self.routing);
        let of_prompt = self.routing_start < self.prompt_len;
        let (prompt, answer) = self.tokens.split_at(self.prompt_len);
        routing.finish(if of_prompt { prompt } else { answer });
        routing
    }

    /// Takes what the pass computed for `input`: samples the accepted drafts and one more token. The KV
    /// entries of rejected drafts are overwritten by the next pass.
    pub fn commit(&mut self, output: &Output, vocab: usize) -> StepOutcome {
        let rows = self.input.len();
        let drafts = self.input[rows - self.num_drafts()..].to_vec();
        let (mut kept, mut outcome) = (rows - drafts.len(), StepOutcome::Continues(0));
        if self.num_computed + kept == self.tokens.len() {
            // Logits of the newest token and of each draft.
            let rows = (0..output.logits.rows(vocab)).map(|row| output.logits.row(row, vocab));
            kept += self.verify(rows, &drafts, &mut outcome);
        }
        self.num_computed += kept;
        if self.num_computed < self.prompt_len {
            self.emit_progress();
        }
        if let Some(drafter) = self.drafter.as_mut().filter(|drafter| drafter.needs_hidden()) {
            drafter.observe(&output.hidden[..kept * (output.hidden.len() / rows)], kept);
        }
        self.input.clear();
        outcome
    }

    /// Samples until a token differs from its draft, or all drafts are accepted and one more token is
    /// sampled. Returns the number of accepted drafts.
    fn verify(
        &mut self,
        mut logits: impl Iterator<Item = Logits>,
        drafts: &[u32],
        outcome: &mut StepOutcome,
    ) -> usize {
        let mut accepted = 0;
        loop {
            let row = logits.next().expect("a row for each draft and one more");
            let draft = drafts.get(accepted).copied();
            let sampled = match self.append(&row, draft) {
                Ok(id) => id,
                Err(ended) => {
                    *outcome = ended;
                    return accepted;
                }
            };
            *outcome = StepOutcome::Continues(accepted + 1);
            let Some(draft) = draft else { return accepted };
            self.draft_stats.record(accepted, sampled == draft);
            if sampled != draft {
                return accepted;
            }
            accepted += 1;
        }
    }

    /// Samples the next token, appends it and emits it. `draft` is what was proposed for its place.
    fn append(&mut self, logits: &Logits, draft: Option<u32>) -> Result<u32, StepOutcome> {
        let distributions = match self.distributions.take() {
            Some(request) => self.distributions(&request, logits)?,
            None => Vec::new(),
        };
        let sampled = match self.sampler.sample_row(logits) {
            Ok(Some(sampled)) => sampled,
            Ok(None) => return Err(StepOutcome::Failed(EngineError::NoAllowedToken)),
            Err(error) => return Err(StepOutcome::Failed(EngineError::Forward(error.to_string()))),
        };
        self.first_token.get_or_insert_with(Instant::now);
        if self.stop_tokens.contains(&sampled.id) {
            return Err(StepOutcome::Finished(FinishReason::Stop));
        }
        let id = sampled.id;
        let trace = self.trace.then(|| TokenTrace {
            draft,
            layers: self.routing.layers(self.completion_len()),
            distributions,
        });
        self.tokens.push(id);
        self.prefix_ids.push(id);
        let (logprob, alternatives) = (sampled.logprob, sampled.alternatives);
        self.emit(Event::Token { id, logprob, alternatives, trace });
        if self.tokens.len() >= self.max_len {
            Err(StepOutcome::Finished(self.length_reason()))
        } else {
            Ok(id)
        }
    }

    fn distributions(
        &self,
        request: &DistributionRequest,
        logits: &Logits,
    ) -> Result<Vec<Vec<(u32, f32)>>, StepOutcome> {
        logits.load().map_err(|error| StepOutcome::Failed(EngineError::Forward(error.to_string())))?;
        let (prompt, answer) = self.tokens.split_at(self.tokens.len().saturating_sub(request.answer_tokens));
        let distribution = |sampling: &Sampling| {
            let mut sampler = Sampler::new(sampling.clone(), None, prompt);
            sampler.count(answer);
            let mut tokens = sampler.distribution(logits);
            tokens.truncate(request.count);
            tokens
        };
        Ok(request.samplings.iter().map(distribution).collect())
    }

    /// Why a sequence of `max_len` tokens ends: the requested length, or the context.
    pub fn length_reason(&self) -> FinishReason {
        if self.max_tokens <= self.completion_len() {
            FinishReason::Length
        } else {
            FinishReason::ContextFull
        }
    }

    /// Computes the drafter's own cache up to `num_computed` when it lags by more than `max_lag` positions.
    pub fn sync_drafter(
        &mut self,
        model: &dyn Model,
        kv: &mut KvPages,
        max_lag: usize,
        cancelled: CancelCheck,
    ) -> Result<(), ForwardError> {
        let Some(drafter) = self.drafter.as_mut().filter(|drafter| drafter.lag() > max_lag) else {
            return Ok(());
        };
        let (pages, tokens, sampler) = (&self.pages.table[..], &self.tokens[..], &mut self.sampler);
        drafter.sync(&mut DraftContext { model, kv, pages, tokens, sampler, cancelled })
    }

    /// Prefix cache keys of the tokens that are computed in every layer, the drafter's included.
    pub fn computed_ids(&self) -> &[u32] {
        let num_computed = self.num_computed;
        let synced = self.drafter.as_ref().map_or(num_computed, |drafter| drafter.synced_len(num_computed));
        &self.prefix_ids[..synced]
    }

    /// Tokens of the answer so far.
    pub fn completion_len(&self) -> usize {
        self.tokens.len() - self.prompt_len
    }

    /// Emits the end. `routing` is from [`Sequence::take_routing`].
    pub fn finish(mut self, reason: FinishReason, routing: Arc<Routing>) {
        let now = Instant::now();
        let first = self.first_token.unwrap_or(now);
        let timings = Timings {
            prompt_tokens: self.prompt_len,
            cached_tokens: self.num_cached,
            completion_tokens: self.completion_len(),
            drafts: self.draft_stats(),
            queued: self.admitted.unwrap_or(now) - self.submitted,
            first_token: first - self.submitted,
            decode: now - first,
        };
        self.emit(Event::Finished { reason, timings, routing });
    }

    pub fn fail(mut self, error: EngineError) {
        self.emit(Event::Failed(error));
    }

    pub fn draft_stats(&self) -> DraftStats {
        let (drafted_ms, plain_ms) = self.adaptive.ms_per_token();
        let pauses = self.adaptive.pauses().to_vec();
        DraftStats { pauses, drafted_ms, plain_ms, ..self.draft_stats.clone() }
    }

    /// A sink that panics gets no further events, and its request is cancelled.
    fn emit(&mut self, event: Event) {
        let Some(sink) = &mut self.sink else { return };
        if catch_unwind(AssertUnwindSafe(|| sink(event))).is_err() {
            self.sink = None;
            self.cancel.cancel();
        }
    }
}

/// The tokens, where each position of an image has a hash of the image and of the position within it. Its
/// highest bit is set, so that it equals no token id.
fn prefix_ids(tokens: &[u32], embeds: &[EmbedSpan], hidden: usize) -> Vec<u32> {
    let mut ids = tokens.to_vec();
    for span in embeds {
        for (position, id) in ids[span.start..][..span.values.len() / hidden].iter_mut().enumerate() {
            let hash =
                Sha256::new_with_prefix(span.hash).chain_update((position as u64).to_le_bytes()).finalize();
            *id = u32::from_le_bytes([hash[0], hash[1], hash[2], hash[3]]) | 1 << 31;
        }
    }
    ids
}
