//! The field `whaledeck`: what the worker adds to the bodies of the OpenAI API. Other servers leave it out,
//! and clients that do not know it pass over it.
use serde::{Deserialize, Serialize};

use crate::Tokens;

/// In a message or a delta.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerExtension {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grounding: Vec<Grounding>,
    /// Before the first token of an answer about images.
    #[serde(default, rename = "looking", skip_serializing_if = "Option::is_none")]
    pub vision_progress: Option<VisionProgress>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfinished: Option<Unfinished>,
    /// In the first delta of an answer whose tokens are traced, where the model has routed experts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experts: Option<ExpertLayers>,
    /// The tokens of the delta, when the request has `return_routed_experts`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tokens: Vec<TokenTrace>,
}

/// The routed experts of a model.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpertLayers {
    pub n_routed_experts: usize,
    pub num_experts_per_tok: usize,
    /// Index of each MoE layer.
    pub layers: Vec<usize>,
}

/// How one token of an answer was made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenTrace {
    pub id: u32,
    /// Bytes that are a part of a character only are U+FFFD.
    pub text: String,
    /// The drafter proposed this token.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub drafted: bool,
    /// The token that the drafter proposed here and the model rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<String>,
    /// By MoE layer: the experts of the pass that predicted the token, highest weight first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub experts: Vec<Vec<u16>>,
}

/// Progress of the vision encoder: `done` of `all` steps of one image, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisionProgress {
    #[serde(rename = "picture")]
    pub image: u32,
    #[serde(rename = "pictures")]
    pub images: u32,
    pub done: u32,
    #[serde(rename = "all")]
    pub total: u32,
}

/// An object that an answer names, and its boxes in the last image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grounding {
    pub label: String,
    /// Left, top, right, bottom, in 0..=999 of the sides.
    pub boxes: Vec<[u16; 4]>,
    /// The same in pixels of the image; null where its size is not known.
    #[serde(default)]
    pub pixels: Option<Vec<[u32; 4]>>,
}

/// The part of an answer that was cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unfinished {
    Call,
    Json,
    Reasoning,
}

/// In the usage: what was measured of one answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Timings {
    #[serde(default)]
    pub queued_ms: f64,
    pub first_token_ms: f64,
    #[serde(default)]
    pub token_ms: f64,
    pub tokens_per_second: f64,
    /// Tokens whose KV came from the prefix cache.
    #[serde(default)]
    pub prefix_tokens: Tokens,
    #[serde(default)]
    pub drafts: DraftStats,
    /// The answer ended because the context was full.
    #[serde(default)]
    pub context_full: bool,
}

/// Speculative decoding in one answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DraftStats {
    pub drafter: Option<Drafter>,
    /// How often a first, second, third token was proposed.
    #[serde(rename = "offered")]
    pub proposed: Vec<u32>,
    /// How often the target model sampled the same token.
    pub accepted: Vec<u32>,
    /// How often drafting was paused because it cost more time than it saved.
    #[serde(rename = "switched_off")]
    pub paused: u32,
    /// The same, one by one.
    pub pauses: Vec<DraftPause>,
    /// Milliseconds a token with drafts and without, as last measured.
    pub drafted_ms: Option<f64>,
    pub plain_ms: Option<f64>,
}

/// Drafting was switched off for a while.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DraftPause {
    /// Tokens of the answer before it.
    pub tokens: Tokens,
    /// Milliseconds a token that were measured until then.
    pub drafted_ms: f64,
    pub plain_ms: f64,
    /// Steps without drafts that follow.
    pub steps: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Drafter {
    Mtp,
    Lookup,
}

/// In the error of a prompt that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptSize {
    pub tokens: Tokens,
    pub context: Tokens,
}
