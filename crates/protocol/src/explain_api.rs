//! Bodies of the worker's routes that show what the model does: the next token's distribution, the routing
//! of a text, all experts against the chosen ones, a block of weights in FP8. Sizes are counts, times
//! milliseconds.
use serde::{Deserialize, Serialize};

use crate::openai::{ChatMessage, SamplingParams};
use crate::{ExpertLayers, TokenRouting};

/// `/v1/whaledeck/next_token`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct NextTokenRequest {
    /// The question, and the beginning of its answer when the last message has `prefix`. The penalties count
    /// the tokens of that beginning.
    pub messages: Vec<ChatMessage>,
    /// Each gives a distribution.
    pub samplings: Vec<SamplingParams>,
    /// The most likely tokens of each; 20 at most.
    pub count: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NextTokenReport {
    /// For each sampling: the tokens that it may draw, most likely first.
    pub distributions: Vec<Vec<TokenProbability>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenProbability {
    pub id: u32,
    pub text: String,
    /// The token ends the answer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub end: bool,
    pub probability: f32,
}

/// `/v1/whaledeck/prompt_routing`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptRoutingRequest {
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PromptRoutingReport {
    pub experts: ExpertLayers,
    pub tokens: Vec<TokenRouting>,
    /// By MoE layer: `e_score_correction_bias` of each expert; empty in a router without.
    pub bias: Vec<Vec<f32>>,
}

/// `/v1/whaledeck/all_experts`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AllExpertsRequest {
    pub messages: Vec<ChatMessage>,
    pub max_tokens: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AllExpertsReport {
    pub parameters: ParameterCount,
    /// With the experts that the router chose, and with all of them.
    pub routed: MeasuredAnswer,
    pub all: MeasuredAnswer,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterCount {
    pub total: u64,
    /// Of the routed experts of all layers.
    pub experts: u64,
    /// That compute one token.
    pub active: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeasuredAnswer {
    pub text: String,
    pub tokens: usize,
    /// Milliseconds a token after the first.
    pub token_ms: f64,
}

/// `/v1/whaledeck/fp8`: a block of a weight beside the same block in e4m3 with one scale.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fp8Report {
    pub tensor: String,
    /// The type it is stored in.
    pub dtype: String,
    /// Of the block, whose values follow row by row.
    pub rows: usize,
    pub cols: usize,
    pub scale: f32,
    pub values: Vec<f32>,
    /// Encoded and decoded.
    pub fp8: Vec<f32>,
}
