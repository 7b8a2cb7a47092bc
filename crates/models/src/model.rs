//! What every architecture offers: a step over a ragged batch of sequences, and a draft of the token after the next.
use std::sync::Arc;

use candle_core::Device;
use kernels::{Asked, Cancellation};

use crate::{CacheShape, ForwardError, KvPages, Ledger, Sight};

/// A loaded model.
pub trait Model: Send {
    fn vocab_size(&self) -> usize;
    /// Numbers of a row between layers.
    fn hidden_size(&self) -> usize;
    /// The prediction layer, where there is one, has the last cache layer.
    fn cache_shape(&self) -> CacheShape;
    /// Where the weights are; the cache belongs there too.
    fn device(&self) -> &Device;
    /// Longest position the model was made for.
    fn max_positions(&self) -> usize;
    /// What the weights take.
    fn ledger(&self) -> &Ledger;

    /// What turns pictures into rows that a prompt has places for; nothing in a model of text alone.
    fn sight(&self) -> Option<Arc<Sight>> {
        None
    }

    /// Reads each step's tokens after what its pages hold, and writes their part of the cache. One output a step, in
    /// order. A token's numbers do not depend on what else is in the batch.
    ///
    /// # Errors
    /// `Cancelled` within one layer of the request; the cache of the steps' tokens is then unspecified.
    fn forward(&self, steps: &[Step], kv: &mut KvPages, pass: &mut Pass)
    -> Result<Vec<Output>, ForwardError>;

    /// Whether [`Model::draft`] works.
    fn has_mtp(&self) -> bool;

    /// One step of the prediction layer, on the same pages and its own cache layer: `step.tokens[i]` is the token
    /// *after* the one whose hidden state (after the final norm) is row i of `hidden` [T, H]. The logits are of the
    /// token after that; `hidden` of the output feeds a further draft.
    ///
    /// # Errors
    /// As [`Model::forward`], and `NoDraft` without such a layer.
    fn draft(
        &self,
        step: &Step,
        hidden: &[f32],
        kv: &mut KvPages,
        pass: &mut Pass,
    ) -> Result<Output, ForwardError>;
}

/// Tokens of one sequence that are read together.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    pub tokens: &'a [u32],
    /// The sequence's pages, in order, with room for `past` and `tokens`.
    pub pages: &'a [u32],
    /// How many tokens the pages hold already.
    pub past: usize,
    pub want: Want,
    /// Whether they were given, rather than written by the model or drafted: those come in numbers.
    pub prompt: bool,
}

/// What a step answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// Nothing: the step only fills the cache.
    None,
    /// Logits and hidden state of the last token.
    Last,
    /// Hidden states of every token, logits of the last: what a prefill with a prediction layer needs.
    LastAndHidden,
    /// Logits and hidden states of every token.
    All,
}

/// Logits [n, vocab] and hidden states after the final norm [m, hidden]; n and m as [`Want`] says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Output {
    pub logits: Vec<f32>,
    pub hidden: Vec<f32>,
}

/// What goes along with one step.
pub struct Pass<'a> {
    /// Asked before each half of a layer and many times within.
    pub cancellation: Cancellation<'a>,
    /// Hears which experts were chosen.
    pub routing: Option<&'a mut Vec<Routed>>,
    /// Hears what each layer gives, [rows, hidden], before the final norm.
    pub layers: Option<&'a mut Vec<Vec<f32>>>,
    /// Rows that are given instead of looked up by their token, in order.
    pub given: &'a [Given<'a>],
}

/// Rows of a batch as the first layer gets them.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// Of the batch: the tokens of all steps, one after another.
    pub row: usize,
    /// [n, hidden]
    pub values: &'a [f32],
}

impl<'a> Pass<'a> {
    /// Listens to nothing.
    pub fn new(cancelled: Asked<'a>) -> Self {
        Self { cancellation: Cancellation::new(cancelled), routing: None, layers: None, given: &[] }
    }

    /// # Errors
    /// `Cancelled`, and then what was computed since the last call may be worthless.
    pub fn go_on(&self) -> Result<(), ForwardError> {
        if self.cancellation.is_cancelled() { Err(ForwardError::Cancelled) } else { Ok(()) }
    }
}

/// The experts of one token in one layer, best first, with their weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Routed {
    pub layer: usize,
    /// Of the batch: the tokens of all steps, one after another.
    pub row: usize,
    pub experts: Vec<(u16, f32)>,
}
