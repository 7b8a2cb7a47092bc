//! Drafts from the checkpoint's own multi-token-prediction (MTP) layer. It takes each token together with the
//! hidden state of the token before it and predicts the token after. Its KV cache is one more layer of the
//! same pages.
//! Position i of that layer holds the pair (token i, hidden state i - 1), so that a page depends on no token
//! after it and can be shared; position 0 takes a hidden state of zeros. DeepSeek counts from the pair (1,
//! 0); the rotary embedding is relative, so the shift changes nothing else.
use models::{OutputRequest, PAGE_TOKENS, Pass, Step};

use super::{DraftContext, Drafter, ForwardError};
use crate::DrafterKind;

/// A chain of drafts ends at the first token that the layer gives a lower probability.
const MIN_PROBABILITY: f32 = 0.4;

pub struct Mtp {
    /// Positions that are in the cache of the MTP layer.
    synced: usize,
    /// Hidden states of the positions from `synced - 1` on, as far as they were observed: [n, size]
    hidden: Vec<f32>,
    /// Elements of a hidden state; 0 until the first one was observed.
    size: usize,
}

impl Mtp {
    /// `synced` positions are in the cache already; the model continues at the last of them, or at 0.
    pub fn new(synced: usize) -> Self {
        Self { synced, hidden: Vec::new(), size: 0 }
    }

    /// Computes the pairs of the tokens up to `end`.
    fn forward(
        &mut self,
        context: &mut DraftContext,
        end: usize,
        output: OutputRequest,
    ) -> Result<models::Output, ForwardError> {
        let count = end - self.synced;
        let hidden = &self.hidden[..count * self.size];
        let (tokens, prefill) = (&context.tokens[self.synced..end], count >= PAGE_TOKENS);
        let step = Step { tokens, pages: context.pages, past: self.synced, output, prefill };
        let mut pass = Pass::new(context.cancelled);
        let output = context.model.draft(&step, hidden, context.kv, &mut pass)?;
        self.hidden.drain(..count * self.size);
        self.synced = end;
        Ok(output)
    }
}

impl Drafter for Mtp {
    fn kind(&self) -> DrafterKind {
        DrafterKind::Mtp
    }

    fn needs_hidden(&self) -> bool {
        true
    }

    fn observe(&mut self, hidden: &[f32], count: usize) {
        if self.size == 0 {
            self.size = hidden.len() / count;
            self.hidden.resize(if self.synced == 0 { self.size } else { 0 }, 0.0);
        }
        self.hidden.extend_from_slice(hidden);
    }

    fn lag(&self) -> usize {
        self.hidden.len().checked_div(self.size).unwrap_or(0)
    }

    fn sync(&mut self, context: &mut DraftContext) -> Result<(), ForwardError> {
        // The page of the newest pair may not be allocated yet.
        let room = context.tokens.len().min(context.pages.len() * PAGE_TOKENS);
        let end = room.min(self.synced + self.lag());
        if end > self.synced {
            self.forward(context, end, OutputRequest::None)?;
        }
        Ok(())
    }

    fn synced_len(&self, computed: usize) -> usize {
        computed.min(self.synced)
    }

    fn propose(&mut self, context: &mut DraftContext, max: usize) -> Result<Vec<u32>, ForwardError> {
        let mut drafts = Vec::new();
        let last = context.tokens.len();
        // The hidden state of the newest pair is not known yet, or `sync` computed the pair and its logits
        // are gone.
        if max == 0 || self.synced + self.lag() < last || self.synced == last {
            return Ok(drafts);
        }
        let mut output = self.forward(context, context.tokens.len(), OutputRequest::Last)?;
        loop {
            let draft = context.sampler.propose(&output.logits, drafts.len());
            if draft.probability < MIN_PROBABILITY {
                return Ok(drafts);
            }
            drafts.push(draft.id);
            if drafts.len() == max {
                return Ok(drafts);
            }
            let past = context.tokens.len() + drafts.len() - 1;
            let (tokens, request) = (&[draft.id], OutputRequest::Last);
            let step = Step { tokens, pages: context.pages, past, output: request, prefill: false };
            let mut pass = Pass::new(context.cancelled);
            output = context.model.draft(&step, &output.hidden, context.kv, &mut pass)?;
        }
    }
}
