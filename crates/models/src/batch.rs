//! A ragged batch, validated once: the steps as sequences of rows, and which rows are requested of them.
//! Knows nothing of layers.
use kernels::cache::{KvPages, PAGE_TOKENS};
use kernels::lane::Sequence;

use crate::{ForwardError, InputEmbeds, OutputRequest, Step};

pub struct Batch<'a> {
    pub steps: &'a [Step<'a>],
    /// The steps as a lane takes them.
    pub sequences: Vec<Sequence<'a>>,
}

/// The model's limits.
pub struct Limits {
    pub vocab: usize,
    pub positions: usize,
}

impl<'a> Batch<'a> {
    /// `temperatures`: of the steps, or empty: see [`crate::Pass`].
    pub fn new(
        steps: &'a [Step<'a>],
        temperatures: &[f32],
        limits: &Limits,
        kv: &KvPages,
    ) -> Result<Self, ForwardError> {
        for step in steps {
            validate(step, limits, kv)?;
        }
        if steps.is_empty() {
            return Err(ForwardError::Empty);
        }
        let sequence = |(at, step): (usize, &Step<'a>)| {
            let Step { tokens, pages, past, prefill, .. } = *step;
            Sequence { tokens, pages, past, prefill, top: temperatures.get(at).copied() }
        };
        Ok(Self { steps, sequences: steps.iter().enumerate().map(sequence).collect() })
    }

    /// Checks that `embeds` are whole rows of `width` values within the batch, in order.
    pub fn check_embeds(&self, embeds: &[InputEmbeds], width: usize) -> Result<(), ForwardError> {
        let rows = self.steps.iter().map(|step| step.tokens.len()).sum();
        let mut next = 0;
        for span in embeds {
            let count = span.values.len() / width;
            let end = span.row.checked_add(count).filter(|&end| end <= rows);
            let (Some(end), true, true) = (end, span.row >= next, span.values.len() == count * width) else {
                return Err(ForwardError::InputEmbeds { row: span.row, values: span.values.len(), rows });
            };
            next = end;
        }
        Ok(())
    }

    /// Each step with its first row.
    fn steps_with_rows(&self) -> impl Iterator<Item = (&'a Step<'a>, usize)> {
        self.steps.iter().scan(0, |next, step| {
            let first = *next;
            *next += step.tokens.len();
            Some((step, first))
        })
    }

    /// The rows whose hidden states are requested, and the indices among those of the rows whose logits are.
    pub fn output_rows(&self) -> (Vec<u32>, Vec<u32>) {
        let (mut hidden_rows, mut logit_rows) = (Vec::new(), Vec::new());
        for (step, first) in self.steps_with_rows() {
            let (logits, hidden) = num_output_rows(step);
            let end = first + step.tokens.len();
            hidden_rows.extend((end - hidden) as u32..end as u32);
            logit_rows.extend((hidden_rows.len() - logits) as u32..hidden_rows.len() as u32);
        }
        (hidden_rows, logit_rows)
    }
}

/// How many rows of logits and of hidden states a step requests.
pub fn num_output_rows(step: &Step) -> (usize, usize) {
    let tokens = step.tokens.len();
    match step.output {
        OutputRequest::None => (0, 0),
        OutputRequest::Last => (1, 1),
        OutputRequest::LastAndHidden => (1, tokens),
        OutputRequest::All => (tokens, tokens),
    }
}

fn validate(step: &Step, limits: &Limits, kv: &KvPages) -> Result<(), ForwardError> {
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
    let valid = step.pages.iter().take_while(|&&page| (page as usize) < kv.pages()).count();
    if end > valid * PAGE_TOKENS {
        return Err(ForwardError::Pages { tokens: end, pages: valid });
    }
    Ok(())
}
