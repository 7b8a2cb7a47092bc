//! A ragged batch, checked once: the tokens of all steps in one list, their positions, and which rows belong to whom.
use kernels::Prompts;
use kernels::cache::{KvPages, PAGE_TOKENS};

use crate::{ForwardError, Step, Want};

pub struct Batch<'a> {
    pub steps: &'a [Step<'a>],
    /// [rows]
    pub tokens: Vec<u32>,
    /// [rows]
    pub positions: Vec<usize>,
    pub prompts: Prompts,
}

/// What a model allows.
pub struct Limits {
    pub vocab: usize,
    pub positions: usize,
}

impl<'a> Batch<'a> {
    pub fn new(steps: &'a [Step<'a>], limits: &Limits, kv: &KvPages) -> Result<Self, ForwardError> {
        for step in steps {
            check(step, limits, kv)?;
        }
        if steps.is_empty() {
            return Err(ForwardError::Empty);
        }
        let tokens = steps.iter().flat_map(|step| step.tokens).copied().collect();
        let positions = steps.iter().flat_map(|step| step.past..step.past + step.tokens.len()).collect();
        let prompts = Prompts::of(steps.iter().map(|step| (step.tokens.len(), step.prompt)));
        Ok(Self { steps, tokens, positions, prompts })
    }

    /// Each step with its first row.
    pub fn spans(&self) -> impl Iterator<Item = (&'a Step<'a>, usize)> {
        self.steps.iter().scan(0, |next, step| {
            let first = *next;
            *next += step.tokens.len();
            Some((step, first))
        })
    }

    /// Rows whose hidden state is wanted, and the places among those whose logits are.
    pub fn wanted(&self) -> (Vec<u32>, Vec<u32>) {
        let (mut rows, mut heads) = (Vec::new(), Vec::new());
        for (step, first) in self.spans() {
            let (logits, hidden) = shares(step);
            let end = first + step.tokens.len();
            rows.extend((end - hidden) as u32..end as u32);
            heads.extend((rows.len() - logits) as u32..rows.len() as u32);
        }
        (rows, heads)
    }
}

/// How many rows of logits and of hidden states a step gets.
pub fn shares(step: &Step) -> (usize, usize) {
    let tokens = step.tokens.len();
    match step.want {
        Want::None => (0, 0),
        Want::Last => (1, 1),
        Want::LastAndHidden => (1, tokens),
        Want::All => (tokens, tokens),
    }
}

fn check(step: &Step, limits: &Limits, kv: &KvPages) -> Result<(), ForwardError> {
    if step.tokens.is_empty() {
        return Err(ForwardError::Empty);
    }
    if let Some(&token) = step.tokens.iter().find(|&&token| token as usize >= limits.vocab) {
        return Err(ForwardError::Token { token, vocab: limits.vocab });
    }
    let end = step.past.saturating_add(step.tokens.len());
    if end > limits.positions {
        return Err(ForwardError::Position { position: end - 1, max: limits.positions });
    }
    let reachable = step.pages.iter().take_while(|&&page| (page as usize) < kv.pages()).count();
    if end > reachable * PAGE_TOKENS {
        return Err(ForwardError::Pages { tokens: end, pages: reachable });
    }
    Ok(())
}
