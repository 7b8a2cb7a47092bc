//! Log probabilities of tokens, in the shape of chat and in that of plain completions.
//! Logarithms are natural. The two shapes are OpenAI's; a request uses the one of its route.
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChatLogprobs {
    pub content: Vec<TokenLogprob>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenLogprob {
    #[serde(flatten)]
    pub chosen: TopLogprob,
    pub top_logprobs: Vec<TopLogprob>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TopLogprob {
    /// With replacement characters where the token is a part of one.
    pub token: String,
    pub logprob: f64,
    pub bytes: Vec<u8>,
}

/// Four lists of equal length.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TextLogprobs {
    pub tokens: Vec<String>,
    pub token_logprobs: Vec<f64>,
    /// Token to log probability, one map for each place.
    pub top_logprobs: Vec<Map<String, Value>>,
    /// In characters, not bytes.
    pub text_offset: Vec<usize>,
}
