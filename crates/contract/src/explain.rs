//! What the page "How it works" shows of a running model: one type for each chapter.
//! Times are milliseconds, sizes bytes.
use serde::{Deserialize, Serialize};
use specta::Type;

use crate::{DraftStats, ExpertLayers, SamplingView, TokenTrace};

/// The same question with the experts that the router chose, and with all of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct SparsityView {
    pub total_parameters: f64,
    /// Of the routed experts of all layers.
    pub expert_parameters: f64,
    /// That compute one token.
    pub active_parameters: f64,
    pub routed: MeasuredAnswer,
    pub all: MeasuredAnswer,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct MeasuredAnswer {
    pub text: String,
    pub tokens: u32,
    /// A token after the first.
    pub token_ms: f64,
}

/// The experts of each token of a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct RoutingView {
    pub experts: ExpertLayers,
    pub tokens: Vec<TokenTrace>,
    /// By MoE layer: what the router adds to the score of each expert when it chooses; empty where it has
    /// none.
    pub bias: Vec<Vec<f32>>,
}

/// A question, the beginning of its answer, and sampling parameters to compare.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct NextTokenQuery {
    pub model_id: String,
    pub question: String,
    /// The penalties count its tokens.
    pub answer: String,
    pub samplings: Vec<SamplingView>,
}

/// A token that may come next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct TokenChance {
    pub text: String,
    /// The token ends the answer.
    pub end: bool,
    pub probability: f32,
}

/// An answer, token by token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct TracedAnswer {
    pub tokens: Vec<TokenTrace>,
    pub stats: Option<DraftStats>,
}

/// The KV cache of one token in all layers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct CacheSize {
    pub model_id: String,
    pub name: String,
    /// Latent attention caches one vector for all heads.
    pub latent: bool,
    /// Keys and values of every head as bf16, which latent attention makes of its vector.
    pub all_heads: f64,
    pub bf16: f64,
    pub fp8: f64,
}

/// A block of a weight beside the same block in e4m3 with one scale.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct Fp8View {
    pub tensor: String,
    /// The type it is stored in.
    pub dtype: String,
    pub rows: u32,
    pub cols: u32,
    pub scale: f32,
    /// Row by row.
    pub values: Vec<f32>,
    /// Encoded and decoded.
    pub fp8: Vec<f32>,
}
