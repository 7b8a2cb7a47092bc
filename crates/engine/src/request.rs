//! What is asked of the engine and what it tells.
use std::sync::Arc;
use std::time::Duration;

/// One continuation of a prompt.
#[derive(Default)]
pub struct Request {
    pub tokens: Vec<u32>,
    pub sampling: Sampling,
    /// As many as the context holds when absent; 0 gives none.
    pub max_tokens: Option<usize>,
    /// Ends the answer without being part of it.
    pub stop_tokens: Vec<u32>,
    /// Which tokens may come next.
    pub constraint: Option<Box<dyn Constraint>>,
    /// Requests share cached prefixes only when their salts are equal.
    pub salt: Vec<u8>,
    /// Pictures in the prompt, in order.
    pub spans: Vec<Span>,
}

/// Rows that the first layer gets instead of what the tokens in their place say.
#[derive(Debug, Clone)]
pub struct Span {
    /// The first place, of `tokens`.
    pub at: usize,
    /// [n, hidden size of the model]
    pub rows: Arc<[f32]>,
    /// Equal names have equal rows; cached prefixes are shared by it.
    pub name: [u8; 32],
}

/// A grammar, seen from the sampler.
pub trait Constraint: Send {
    /// Sets the logits of the forbidden tokens to minus infinity.
    fn mask(&mut self, logits: &mut [f32]);
    /// Hears the token that was drawn, also one that ends the answer.
    fn accept(&mut self, token: u32);
}

/// How the next token is drawn. Penalties first, then temperature, top_k, top_p and min_p.
#[derive(Debug, Clone)]
pub struct Sampling {
    /// 0 takes the likeliest token.
    pub temperature: f32,
    pub top_p: f32,
    /// 0 keeps all.
    pub top_k: usize,
    pub min_p: f32,
    pub frequency_penalty: f32,
    pub presence_penalty: f32,
    /// 1 changes nothing.
    pub repetition_penalty: f32,
    pub seed: u64,
    /// How many alternatives to report for each token; nothing when absent.
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

/// A token and the natural logarithm of its probability before sampling changed anything.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TokenLogprob {
    pub id: u32,
    pub logprob: f32,
}

/// What happens to a request, in order: tokens, then exactly one end.
#[derive(Debug)]
pub enum Event {
    Token { id: u32, logprob: Option<f32>, alternatives: Vec<TokenLogprob> },
    Finished { reason: FinishReason, timings: Timings },
    Failed(EngineError),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    Stop,
    /// `max_tokens` was reached.
    Length,
    /// There is no room for another token.
    ContextFull,
    Cancelled,
}

#[derive(Debug, Clone, Default)]
pub struct Timings {
    pub prompt_tokens: usize,
    /// Tokens of the prompt that were in the cache already.
    pub prefix_tokens: usize,
    pub completion_tokens: usize,
    pub drafts: Drafts,
    /// From submission until pages and a place were free.
    pub queued: Duration,
    /// From submission to the first token.
    pub first_token: Duration,
    /// From the first token to the end.
    pub decode: Duration,
}

/// What drafting did for one answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drafts {
    /// Nothing when drafting is off for this engine.
    pub drafter: Option<DrafterKind>,
    /// How often a first, second, third draft was offered.
    pub offered: Vec<u32>,
    /// How often it was the token drawn.
    pub accepted: Vec<u32>,
    /// How often drafting was switched off for a while because it cost more time than it saved.
    pub switched_off: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrafterKind {
    /// The checkpoint's own multi-token-prediction layer.
    Mtp,
    /// What followed the same words earlier in the conversation.
    Lookup,
}

/// Totals since the start.
#[derive(Debug, Clone, Copy, Default)]
pub struct Metrics {
    pub requests: u64,
    pub prompt_tokens: u64,
    pub prefix_tokens: u64,
    pub completion_tokens: u64,
    pub drafts_offered: u64,
    pub drafts_accepted: u64,
    pub running: usize,
    pub waiting: usize,
    /// Pages that running sequences work in.
    pub pages_used: usize,
    /// Pages kept only because their tokens may come again.
    pub pages_kept: usize,
    pub pages_total: usize,
    pub cache_bytes: u64,
}

/// Why a request is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    #[error("read a prompt of {tokens} tokens: the context holds {context}")]
    PromptTooLong { tokens: usize, context: usize },
    #[error("read an empty prompt")]
    EmptyPrompt,
    #[error("read token {token}: the vocabulary has {vocab}")]
    UnknownToken { token: u32, vocab: usize },
    #[error(
        "read given rows from place {at} on: they are no rows of {hidden} numbers in a prompt of {tokens} tokens"
    )]
    Span { at: usize, hidden: usize, tokens: usize },
    #[error("reach the engine: it has stopped")]
    Stopped,
}

/// Why a request that was taken did not finish.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    #[error("compute a step: {0}")]
    Step(String),
    #[error("compute a step: the engine met a bug ({0})")]
    Bug(String),
    #[error("draw a token: the grammar forbids every one")]
    NothingAllowed,
}

/// Why an engine does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(
        "start the engine: one answer of {context} tokens needs a cache of {needed} bytes and {given} are given"
    )]
    Cache { context: usize, needed: u64, given: u64 },
    #[error("start the engine: {0}")]
    Pages(String),
    #[error("start the engine's thread: {0}")]
    Thread(#[from] std::io::Error),
}
