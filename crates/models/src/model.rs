//! The `Model` trait, which every architecture implements, with the input and output of a forward pass over a
//! ragged batch of sequences. Knows nothing of how a model computes.
use std::sync::Arc;

use kernels::{Cancellation, Logits, Place};

use crate::{CacheShape, CancelCheck, ForwardError, KvPages, Ledger, VisionTower};

/// A loaded model.
pub trait Model: Send + Sync {
    fn vocab_size(&self) -> usize;
    /// Elements of a hidden state.
    fn hidden_size(&self) -> usize;
    /// The MTP layer, where there is one, is the last cache layer.
    fn cache_shape(&self) -> CacheShape;
    /// Where the weights are. The KV cache must be there too.
    fn place(&self) -> &Place;
    /// The model's `max_position_embeddings`.
    fn max_positions(&self) -> usize;
    /// Memory of the weights.
    fn ledger(&self) -> &Ledger;

    /// By MoE layer, the bias of each expert in the selection (`e_score_correction_bias`); empty in a router
    /// without.
    fn router_bias(&self) -> Vec<Vec<f32>> {
        Vec::new()
    }

    /// Encodes images into input embeddings. `None` in models of text alone.
    fn vision(&self) -> Option<Arc<VisionTower>> {
        None
    }

    /// Computes the tokens of each step after the ones in its pages, and writes their keys and values to the
    /// cache. Returns one output per step, in order. Results are batch-invariant: they do not depend on the
    /// other steps.
    ///
    /// # Errors
    /// `Cancelled` within one layer of the cancellation. The cache of the steps' tokens is unspecified then.
    fn forward(&self, steps: &[Step], kv: &mut KvPages, pass: &mut Pass)
    -> Result<Vec<Output>, ForwardError>;

    /// Whether [`Model::draft`] works.
    fn has_mtp(&self) -> bool;

    /// One step of the MTP layer, on the same pages and its own cache layer: `step.tokens[i]` is the token
    /// *after* the one whose hidden state (after the final norm) is row i of `hidden` [T, H]. The logits are
    /// of the token after that; `hidden` of the output is the input of a further draft.
    ///
    /// # Errors
    /// As [`Model::forward`], and `NoMtpHead` without such a layer.
    fn draft(
        &self,
        step: &Step,
        hidden: &[f32],
        kv: &mut KvPages,
        pass: &mut Pass,
    ) -> Result<Output, ForwardError>;
}

/// The part of a forward pass that belongs to one sequence.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    pub tokens: &'a [u32],
    /// The sequence's pages, in order, with room for `past` and `tokens`.
    pub pages: &'a [u32],
    /// Tokens that the pages hold already.
    pub past: usize,
    pub output: OutputRequest,
    /// Whether the tokens are a prompt, rather than sampled or drafted: only prompts have enough rows for AMX
    /// tiles.
    pub prefill: bool,
}

/// Which rows a step returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputRequest {
    /// None: the step only fills the cache.
    None,
    /// Logits and hidden state of the last token.
    Last,
    /// Hidden states of every token and logits of the last: for a prefill with an MTP layer.
    LastAndHidden,
    /// Logits and hidden states of every token.
    All,
}

/// Logits [n, vocab] and hidden states after the final norm [m, hidden], with n and m as in
/// [`OutputRequest`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Output {
    pub logits: Logits,
    pub hidden: Vec<f32>,
}

/// Options of one forward pass, for all its steps.
pub struct Pass<'a> {
    /// Polled before each half of a layer and many times within.
    pub cancellation: Cancellation<'a>,
    /// Collects the routed experts.
    pub routing: Option<&'a mut Vec<LayerRouting>>,
    /// Collects the output of each layer, [rows, hidden], before the final norm.
    pub layers: Option<&'a mut Vec<Vec<f32>>>,
    /// Replaces the embeddings of some tokens, in order of rows.
    pub input_embeds: &'a [InputEmbeds<'a>],
    /// The temperature at which each step is sampled, when the most likely tokens are enough; else empty. A
    /// card then keeps the logits: see [`Logits::top`].
    pub temperatures: &'a [f32],
    /// Every routed expert computes each token, as in a dense model of the same size. Not on a card.
    pub all_experts: bool,
}

/// Input embeddings for consecutive rows of a batch.
#[derive(Debug, Clone, Copy)]
pub struct InputEmbeds<'a> {
    /// The first row. The rows of a batch are the tokens of all steps, one step after another.
    pub row: usize,
    /// [n, hidden]
    pub values: &'a [f32],
}

impl<'a> Pass<'a> {
    /// Without input embeddings, and collects nothing.
    pub fn new(cancelled: CancelCheck<'a>) -> Self {
        Self {
            cancellation: Cancellation::new(cancelled),
            routing: None,
            layers: None,
            input_embeds: &[],
            temperatures: &[],
            all_experts: false,
        }
    }

    /// # Errors
    /// `Cancelled`. What was computed since the last check may be invalid then.
    pub fn check_cancelled(&self) -> Result<(), ForwardError> {
        if self.cancellation.is_cancelled() { Err(ForwardError::Cancelled) } else { Ok(()) }
    }
}

/// The routed experts of one token in one layer, with their weights, highest first.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerRouting {
    pub layer: usize,
    /// The token's row of the batch.
    pub row: usize,
    pub experts: Vec<(u16, f32)>,
}
