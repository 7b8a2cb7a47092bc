//! The engine's vocabulary: a request, the events of its answer, counters and errors. Plain data without
//! behaviour.
use std::sync::Arc;
use std::time::Duration;

use crate::routing::{RoutedLayers, Routing};

/// One continuation of a prompt.
#[derive(Default)]
pub struct Request {
    pub tokens: Vec<u32>,
    pub sampling: Sampling,
    /// Tokens of the answer; up to the end of the context when absent. 0 gives none.
    pub max_tokens: Option<usize>,
    /// Each ends the answer without being part of it.
    pub stop_tokens: Vec<u32>,
    /// Restricts which tokens may come next.
    pub constraint: Option<Box<dyn Constraint>>,
    /// Requests share cached prefixes only when their salts are equal.
    pub salt: Vec<u8>,
    /// Embeddings of the prompt's images, in order.
    pub embeds: Vec<EmbedSpan>,
    /// Each `Event::Token` has its [`TokenTrace`].
    pub trace: bool,
    /// Records the expert routing of the prompt's tokens in place of the answer's.
    pub prompt_routing: bool,
    /// Every routed expert computes each token, as in a dense model of the same size. Not on a card.
    pub all_experts: bool,
    /// The first token's trace has these distributions.
    pub distributions: Option<DistributionRequest>,
}

/// From which distributions the next token would be drawn.
#[derive(Debug, Clone, Default)]
pub struct DistributionRequest {
    pub samplings: Vec<Sampling>,
    /// The most likely tokens of each.
    pub count: usize,
    /// Tokens at the end of the prompt that the penalties count as answer.
    pub answer_tokens: usize,
}

/// Input embeddings that replace those of the tokens at some positions of the prompt.
#[derive(Debug, Clone)]
pub struct EmbedSpan {
    /// The first position.
    pub start: usize,
    /// [n, hidden size of the model]
    pub values: Arc<[f32]>,
    /// Identifies the content: equal hashes mean equal values, and such spans share cached prefixes.
    pub hash: [u8; 32],
}

/// A grammar that restricts sampling.
pub trait Constraint: Send {
    /// Whether the next token is restricted at all; where it is not, a few of the most likely tokens are
    /// enough to sample it.
    fn restricts(&self) -> bool {
        true
    }
    /// Sets the logits of forbidden tokens to minus infinity.
    fn mask(&mut self, logits: &mut [f32]);
    /// Advances by the token that was sampled, also by one that ends the answer.
    fn accept(&mut self, token: u32);
}

/// Sampling parameters. Penalties are applied first, then temperature, top_k, top_p and min_p.
#[derive(Debug, Clone)]
pub struct Sampling {
    /// 0 is greedy.
    pub temperature: f32,
    pub top_p: f32,
    /// 0 keeps all tokens.
    pub top_k: usize,
    pub min_p: f32,
    pub frequency_penalty: f32,
    pub presence_penalty: f32,
    /// 1 is off.
    pub repetition_penalty: f32,
    pub seed: u64,
    /// Alternatives to report for each token; no log probabilities when absent.
    pub logprobs: Option<usize>,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 1.0,
            top_p: 1.0,
            top_k: 0,
            min_p: 0.0,
            frequency_penalty: 0.0,
            presence_penalty: 0.0,
            repetition_penalty: 1.0,
            seed: 0,
            logprobs: None,
        }
    }
}

/// A token and the natural logarithm of its probability, before penalties, grammar and temperature.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TokenLogprob {
    pub id: u32,
    pub logprob: f32,
}

/// What a request emits: the progress of its prompt, tokens, then exactly one `Finished` or `Failed`.
#[derive(Debug)]
pub enum Event {
    /// When the request is admitted, and after each chunk of its prompt but the last.
    Prefill(PrefillProgress),
    Token {
        id: u32,
        logprob: Option<f32>,
        alternatives: Vec<TokenLogprob>,
        trace: Option<TokenTrace>,
    },
    Finished {
        reason: FinishReason,
        timings: Timings,
        routing: Arc<Routing>,
    },
    Failed(EngineError),
}

/// How much of a prompt is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrefillProgress {
    /// Tokens of the prompt.
    pub total: usize,
    /// Those that came from the prefix cache.
    pub cached: usize,
    /// Those in the KV cache, `cached` included.
    pub processed: usize,
    /// Since the request was admitted.
    pub elapsed: Duration,
}

/// How one token was made.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenTrace {
    /// The draft that the model verified here: the token itself when it was accepted, another one when it was
    /// rejected.
    pub draft: Option<u32>,
    /// The experts of the pass that predicted the token; none in a dense model.
    pub layers: RoutedLayers,
    /// The most likely tokens with their probabilities, for each sampling that the request names.
    pub distributions: Vec<Vec<(u32, f32)>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    Stop,
    /// `max_tokens` was reached.
    Length,
    /// The context is full.
    ContextFull,
    Cancelled,
}

#[derive(Debug, Clone, Default)]
pub struct Timings {
    pub prompt_tokens: usize,
    /// Prompt tokens that were in the prefix cache.
    pub cached_tokens: usize,
    pub completion_tokens: usize,
    pub drafts: DraftStats,
    /// From submission to admission.
    pub queued: Duration,
    /// From submission to the first token.
    pub first_token: Duration,
    /// From the first token to the end.
    pub decode: Duration,
}

/// Drafting of one answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DraftStats {
    /// `None` when the engine does not draft.
    pub drafter: Option<DrafterKind>,
    /// How many first, second, third drafts of a step the model verified.
    pub offered: Vec<u32>,
    /// How many of them were accepted.
    pub accepted: Vec<u32>,
    /// When drafting was switched off for a while because it cost more time than it saved.
    pub pauses: Vec<DraftPause>,
    /// Milliseconds a token, with drafts and without, as last measured; absent when it was not measured.
    pub drafted_ms: Option<f64>,
    pub plain_ms: Option<f64>,
}

/// Drafting was switched off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DraftPause {
    /// Tokens of the answer before it.
    pub tokens: usize,
    /// Milliseconds a token that were measured.
    pub drafted_ms: f64,
    pub plain_ms: f64,
    /// Steps without drafts that follow.
    pub steps: u32,
}

impl DraftStats {
    /// Counts the verification of the draft at `position` of its step.
    pub(crate) fn record(&mut self, position: usize, accepted: bool) {
        self.offered.resize(self.offered.len().max(position + 1), 0);
        self.accepted.resize(self.offered.len(), 0);
        self.offered[position] += 1;
        self.accepted[position] += u32::from(accepted);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrafterKind {
    /// The checkpoint's own multi-token-prediction layer.
    Mtp,
    /// Prompt lookup: what followed the same tokens earlier in the sequence.
    Lookup,
}

/// Totals since the start, and the current usage.
#[derive(Debug, Clone, Copy, Default)]
pub struct Metrics {
    pub requests: u64,
    pub prompt_tokens: u64,
    /// Prompt tokens that were in the prefix cache.
    pub cached_tokens: u64,
    pub completion_tokens: u64,
    pub drafts_offered: u64,
    pub drafts_accepted: u64,
    pub running: usize,
    pub waiting: usize,
    /// Pages of running sequences.
    pub pages_used: usize,
    /// Pages that only the prefix cache holds.
    pub pages_cached: usize,
    /// The most pages that were in use or cached at once.
    pub pages_written: usize,
    pub pages_total: usize,
    /// Tokens of the widest pass so far.
    pub widest_pass: usize,
    pub cache_bytes: u64,
}

/// Why a request is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    #[error("process a prompt of {tokens} tokens: the context has {context}")]
    PromptTooLong { tokens: usize, context: usize },
    #[error("process an empty prompt")]
    EmptyPrompt,
    #[error("process token {token}: the vocabulary has {vocab} tokens")]
    UnknownToken { token: u32, vocab: usize },
    #[error("process embeddings at {start}: not rows of {hidden} values in a prompt of {tokens} tokens")]
    Embeds { start: usize, hidden: usize, tokens: usize },
    #[error("submit the request: the engine has stopped")]
    Stopped,
}

/// Why an accepted request did not finish.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    #[error("run a forward pass: {0}")]
    Forward(String),
    #[error("run a forward pass: internal error ({0})")]
    Internal(String),
    #[error("sample a token: the grammar allows none")]
    NoAllowedToken,
}

/// Why an engine does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("start the engine: {context} tokens need {needed} bytes of KV cache, {available} are available")]
    Cache { context: usize, needed: u64, available: u64 },
    #[error("start the engine: {0}")]
    Pages(String),
    /// What was written to the cache was read back differently.
    #[error("start the engine: {0}")]
    SelfCheck(String),
    #[error("start the engine's thread: {0}")]
    Thread(#[from] std::io::Error),
}
