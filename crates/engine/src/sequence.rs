//! One request while it lives: its tokens, its pages, its drafts, and whom to tell.
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use models::{Asked, ForwardError, Given, KvPages, Model, Output, Routed, Step, Want};
use sha2::{Digest, Sha256};

use crate::cache::pool::Pages;
use crate::cancel::CancelFlag;
use crate::draft::{Drafter, Gate, View};
use crate::sampler::Sampler;
use crate::{Drafts, EngineError, Event, FinishReason, Request, Routing, Span, Timings};

/// Hears the events of one request. It must not block; one that panics cancels its request.
pub type Sink = Box<dyn FnMut(Event) + Send>;

pub struct Sequence {
    /// The prompt, then every token drawn.
    pub tokens: Vec<u32>,
    /// What cached prefixes are found by: the tokens, and in a picture's places what only this picture has.
    names: Vec<u32>,
    spans: Vec<Span>,
    /// How many of `tokens` are in the cache.
    pub cached: usize,
    /// How many of `tokens` were there at the start.
    pub reused: usize,
    pub pages: Pages,
    pub salt: Vec<u8>,
    pub cancel: CancelFlag,
    pub drafter: Option<Box<dyn Drafter>>,
    pub gate: Gate,
    /// What the pass under way reads: tokens from `cached` on, then drafts.
    pub reading: Vec<u32>,
    /// The scheduler's count when a chunk of its prompt was last scheduled.
    pub last_scheduled: u64,
    sampler: Sampler,
    prompt: usize,
    /// Tokens the answer should have.
    asked: usize,
    /// Tokens it may grow to.
    limit: usize,
    stop_tokens: Vec<u32>,
    drafts: Drafts,
    routing: Routing,
    submitted: Instant,
    admitted: Option<Instant>,
    first_token: Option<Instant>,
    sink: Option<Sink>,
}

impl std::fmt::Debug for Sequence {
    fn fmt(&self, out: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(out, "Sequence({} tokens, {} cached)", self.tokens.len(), self.cached)
    }
}

/// What one step did for a sequence.
pub enum StepOutcome {
    /// It goes on, and has so many tokens more.
    Continues(usize),
    Finished(FinishReason),
    Failed(EngineError),
}

impl Sequence {
    /// It may grow to `context` tokens; its spans were checked against rows of `hidden` numbers.
    pub fn new(request: Request, context: usize, hidden: usize, sink: Sink) -> Self {
        let prompt = request.tokens.len();
        let asked = request.max_tokens.unwrap_or(usize::MAX);
        let limit = context.min(prompt.saturating_add(asked));
        let names = names(&request.tokens, &request.spans, hidden);
        Self {
            sampler: Sampler::new(request.sampling, request.constraint, &request.tokens),
            tokens: request.tokens,
            names,
            spans: request.spans,
            cached: 0,
            reused: 0,
            pages: Pages::default(),
            salt: request.salt,
            cancel: CancelFlag::default(),
            drafter: None,
            gate: Gate::default(),
            reading: Vec::new(),
            last_scheduled: 0,
            prompt,
            asked,
            limit,
            stop_tokens: request.stop_tokens,
            drafts: Drafts::default(),
            routing: Routing::default(),
            submitted: Instant::now(),
            admitted: None,
            first_token: None,
            sink: Some(sink),
        }
    }

    /// Tokens it may grow to, prompt and answer.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Its pages are there, the first `cached` tokens in them, and it is its turn.
    pub fn start(&mut self, pages: Pages, cached: usize, drafter: Option<Box<dyn Drafter>>) {
        (self.pages, self.cached, self.reused, self.drafter) = (pages, cached, cached, drafter);
        self.drafts.drafter = self.drafter.as_ref().map(|drafter| drafter.kind());
        self.admitted = Some(Instant::now());
    }

    pub fn is_decoding(&self) -> bool {
        self.cached + 1 == self.tokens.len() && self.tokens.len() > self.prompt
    }

    /// Prompt tokens that are not in the cache yet.
    pub fn prompt_left(&self) -> usize {
        self.tokens.len() - self.cached
    }

    /// Reads the next `tokens` tokens of the prompt in the next pass.
    pub fn plan_chunk(&mut self, tokens: usize) {
        // A cancelled pass leaves its plan, which is the same.
        self.reading.clear();
        self.reading.extend_from_slice(&self.tokens[self.cached..self.cached + tokens]);
    }

    /// Reads the newest token in the next pass, and at most `most` drafts when they pay.
    pub fn plan_token(
        &mut self,
        model: &dyn Model,
        kv: &mut KvPages,
        most: usize,
        cancelled: Asked,
    ) -> Result<(), ForwardError> {
        if !self.reading.is_empty() {
            return Ok(()); // A cancelled pass left its plan.
        }
        self.reading.extend(self.tokens.last());
        let most = most.min(self.limit.saturating_sub(self.tokens.len() + 1));
        if let Some(drafter) = self.drafter.as_mut().filter(|_| most > 0) {
            let (pages, tokens, sampler) = (&self.pages.list[..], &self.tokens[..], &self.sampler);
            let drafts = drafter.draft(&mut View { model, kv, pages, tokens, sampler, cancelled }, most)?;
            self.reading.extend(drafts);
        }
        Ok(())
    }

    /// What the pass under way reads of it.
    pub fn step(&self) -> Step<'_> {
        let (tokens, pages) = (&self.reading[..], &self.pages.list[..]);
        Step { tokens, pages, past: self.cached, want: self.want(), prompt: !self.is_decoding() }
    }

    /// The rows that are given for places of the pass under way, which is at row `first` of the batch.
    pub fn given(&self, first: usize, hidden: usize) -> impl Iterator<Item = Given<'_>> {
        let (from, to) = (self.cached, self.cached + self.reading.len());
        self.spans.iter().filter_map(move |span| {
            let (start, end) = (span.at.max(from), (span.at + span.rows.len() / hidden).min(to));
            let values = || &span.rows[(start - span.at) * hidden..(end - span.at) * hidden];
            (start < end).then(|| Given { row: first + start - from, values: values() })
        })
    }

    /// What cached prefixes of the whole prompt are found by.
    pub fn names(&self) -> &[u32] {
        &self.names
    }

    fn want(&self) -> Want {
        let needs_hidden = self.drafter.as_ref().is_some_and(|drafter| drafter.needs_hidden());
        if self.drafted() > 0 {
            Want::All
        } else if needs_hidden {
            Want::LastAndHidden
        } else if self.cached + self.reading.len() < self.tokens.len() {
            Want::None
        } else {
            Want::Last
        }
    }

    /// Drafts in what is read.
    pub fn drafted(&self) -> usize {
        (self.cached + self.reading.len()).saturating_sub(self.tokens.len())
    }

    /// Hears the experts of the pass under way: rows of the batch from `row` on are its own.
    pub fn note_routing(&mut self, routed: &[Routed], row: usize) {
        self.routing.note(self.cached as isize - self.prompt as isize, routed, row, self.reading.len());
    }

    /// The experts of the whole answer.
    pub fn take_routing(&mut self) -> Routing {
        let mut routing = std::mem::take(&mut self.routing);
        routing.finish(&self.tokens[self.prompt..]);
        routing
    }

    /// Takes what the pass computed for `reading`: keeps what stays, draws as many tokens as drafts were right, and
    /// one more. What lies behind in the cache is overwritten by the next pass.
    pub fn settle(&mut self, output: &Output, vocab: usize) -> StepOutcome {
        let rows = self.reading.len();
        let drafts = self.reading[rows - self.drafted()..].to_vec();
        let (mut kept, mut outcome) = (rows - drafts.len(), StepOutcome::Continues(0));
        if self.cached + kept == self.tokens.len() {
            // Logits of the newest token and of each draft.
            kept += self.draw_all(output.logits.chunks_exact(vocab), &drafts, &mut outcome);
        }
        self.cached += kept;
        if let Some(drafter) = self.drafter.as_mut().filter(|drafter| drafter.needs_hidden()) {
            drafter.hear(&output.hidden[..kept * (output.hidden.len() / rows)], kept);
        }
        self.reading.clear();
        outcome
    }

    /// Draws until a draft is wrong or all were right and one more is drawn. Gives how many were right.
    fn draw_all<'a>(
        &mut self,
        mut logits: impl Iterator<Item = &'a [f32]>,
        drafts: &[u32],
        outcome: &mut StepOutcome,
    ) -> usize {
        let mut right = 0;
        loop {
            let row = logits.next().expect("a row for each draft and one more");
            let drawn = match self.advance(row) {
                Ok(id) => id,
                Err(ended) => {
                    *outcome = ended;
                    return right;
                }
            };
            *outcome = StepOutcome::Continues(right + 1);
            let Some(draft) = drafts.get(right) else { return right };
            self.drafts.count(right, drawn == *draft);
            if drawn != *draft {
                return right;
            }
            right += 1;
        }
    }

    /// Draws the next token and tells it.
    fn advance(&mut self, logits: &[f32]) -> Result<u32, StepOutcome> {
        let Some(drawn) = self.sampler.draw(logits) else {
            return Err(StepOutcome::Failed(EngineError::NothingAllowed));
        };
        self.first_token.get_or_insert_with(Instant::now);
        if self.stop_tokens.contains(&drawn.id) {
            return Err(StepOutcome::Finished(FinishReason::Stop));
        }
        self.tokens.push(drawn.id);
        self.names.push(drawn.id);
        self.tell(Event::Token { id: drawn.id, logprob: drawn.logprob, alternatives: drawn.alternatives });
        if self.tokens.len() >= self.limit { Err(StepOutcome::Finished(self.full())) } else { Ok(drawn.id) }
    }

    /// Why it cannot grow: what was asked for, or the context.
    pub fn full(&self) -> FinishReason {
        if self.asked <= self.answered() { FinishReason::Length } else { FinishReason::ContextFull }
    }

    /// Brings the drafter's cache up to what was read, when it lags by more than `most` positions.
    pub fn catch_up(
        &mut self,
        model: &dyn Model,
        kv: &mut KvPages,
        most: usize,
        cancelled: Asked,
    ) -> Result<(), ForwardError> {
        let Some(drafter) = self.drafter.as_mut().filter(|drafter| drafter.behind() > most) else {
            return Ok(());
        };
        let (pages, tokens, sampler) = (&self.pages.list[..], &self.tokens[..], &self.sampler);
        drafter.catch_up(&mut View { model, kv, pages, tokens, sampler, cancelled })
    }

    /// The names of the tokens whose pages are complete in every layer.
    pub fn computed(&self) -> &[u32] {
        let covered = self.drafter.as_ref().map_or(self.cached, |drafter| drafter.covered(self.cached));
        &self.names[..covered]
    }

    pub fn answered(&self) -> usize {
        self.tokens.len() - self.prompt
    }

    pub fn finish(mut self, reason: FinishReason) {
        let now = Instant::now();
        let first = self.first_token.unwrap_or(now);
        self.drafts.switched_off = self.gate.lost();
        let timings = Timings {
            prompt_tokens: self.prompt,
            prefix_tokens: self.reused,
            completion_tokens: self.answered(),
            drafts: std::mem::take(&mut self.drafts),
            queued: self.admitted.unwrap_or(now) - self.submitted,
            first_token: first - self.submitted,
            decode: now - first,
        };
        self.tell(Event::Finished { reason, timings });
    }

    pub fn fail(mut self, error: EngineError) {
        self.tell(Event::Failed(error));
    }

    pub fn drafts(&self) -> &Drafts {
        &self.drafts
    }

    /// A sink that panics hears nothing more, and nobody else notices.
    fn tell(&mut self, event: Event) {
        let Some(sink) = &mut self.sink else { return };
        if catch_unwind(AssertUnwindSafe(|| sink(event))).is_err() {
            self.sink = None;
            self.cancel.cancel();
        }
    }
}

/// A picture's places are named by its content and their own number, above every vocabulary.
fn names(tokens: &[u32], spans: &[Span], hidden: usize) -> Vec<u32> {
    let mut names = tokens.to_vec();
    for span in spans {
        for (place, name) in names[span.at..][..span.rows.len() / hidden].iter_mut().enumerate() {
            let hash =
                Sha256::new_with_prefix(span.name).chain_update((place as u64).to_le_bytes()).finalize();
            *name = u32::from_le_bytes([hash[0], hash[1], hash[2], hash[3]]) | 1 << 31;
        }
    }
    names
}

impl Drafts {
    fn count(&mut self, place: usize, right: bool) {
        self.offered.resize(self.offered.len().max(place + 1), 0);
        self.accepted.resize(self.offered.len(), 0);
        self.offered[place] += 1;
        self.accepted[place] += u32::from(right);
    }
}
