//! The checkpoint's own multi-token-prediction layer. It reads each token together with the hidden state of the one
//! before it, and says what the one after may be. Its cache is one more layer of the same pages.
//!
//! Position i of that layer holds the pair (token i, hidden state i - 1), so that a page depends on no token after it
//! and can be shared; position 0 takes a hidden state of zeros. DeepSeek counts from the pair (1, 0); the rotary
//! embedding is relative, so the shift changes nothing else.
use models::{PAGE_TOKENS, Pass, Step, Want};

use super::{Drafter, ForwardError, View};
use crate::DrafterKind;

/// A chain ends where the layer is less sure than this of its own guess.
const SURE: f32 = 0.4;

pub struct Mtp {
    /// Positions of its layer that are in the cache.
    filled: usize,
    /// Hidden states of the positions from `filled - 1` on, as far as they are known: [n, size]
    hidden: Vec<f32>,
    /// Numbers of one hidden state; 0 until the first was heard.
    size: usize,
}

impl Mtp {
    /// `filled` positions are in the cache already, and the model goes on at the last of them, or at 0.
    pub fn new(filled: usize) -> Self {
        Self { filled, hidden: Vec::new(), size: 0 }
    }

    /// Reads the pairs of the tokens up to `end`; gives what the last one says.
    fn read(&mut self, view: &mut View, end: usize, want: Want) -> Result<models::Output, ForwardError> {
        let count = end - self.filled;
        let pairs = &self.hidden[..count * self.size];
        let (tokens, prompt) = (&view.tokens[self.filled..end], count >= PAGE_TOKENS);
        let step = Step { tokens, pages: view.pages, past: self.filled, want, prompt };
        let mut pass = Pass::new(view.cancelled);
        let output = view.model.draft(&step, pairs, view.kv, &mut pass)?;
        self.hidden.drain(..count * self.size);
        self.filled = end;
        Ok(output)
    }

    fn waiting(&self) -> usize {
        self.hidden.len().checked_div(self.size).unwrap_or(0)
    }
}

impl Drafter for Mtp {
    fn kind(&self) -> DrafterKind {
        DrafterKind::Mtp
    }

    fn needs_hidden(&self) -> bool {
        true
    }

    fn hear(&mut self, hidden: &[f32], count: usize) {
        if self.size == 0 {
            self.size = hidden.len() / count;
            self.hidden.resize(if self.filled == 0 { self.size } else { 0 }, 0.0);
        }
        self.hidden.extend_from_slice(hidden);
    }

    fn behind(&self) -> usize {
        self.waiting()
    }

    fn catch_up(&mut self, view: &mut View) -> Result<(), ForwardError> {
        // The newest pair may belong to a page that is not there yet.
        let room = view.tokens.len().min(view.pages.len() * PAGE_TOKENS);
        let end = room.min(self.filled + self.waiting());
        if end > self.filled {
            self.read(view, end, Want::None)?;
        }
        Ok(())
    }

    fn covered(&self, cached: usize) -> usize {
        cached.min(self.filled)
    }

    fn draft(&mut self, view: &mut View, most: usize) -> Result<Vec<u32>, ForwardError> {
        let mut drafts = Vec::new();
        let last = view.tokens.len();
        // The newest pair is not known yet, or it was read while catching up and its answer is gone.
        if most == 0 || self.filled + self.waiting() < last || self.filled == last {
            return Ok(drafts);
        }
        let mut output = self.read(view, view.tokens.len(), Want::Last)?;
        loop {
            let guess = view.sampler.guess(&output.logits, drafts.len());
            if guess.probability < SURE {
                return Ok(drafts);
            }
            drafts.push(guess.id);
            if drafts.len() == most {
                return Ok(drafts);
            }
            let past = view.tokens.len() + drafts.len() - 1;
            let step = Step { tokens: &[guess.id], pages: view.pages, past, want: Want::Last, prompt: false };
            let mut pass = Pass::new(view.cancelled);
            output = view.model.draft(&step, &output.hidden, view.kv, &mut pass)?;
        }
    }
}
