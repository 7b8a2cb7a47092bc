//! Deployment plans: every argument of the commands with its reason, or why there is none and what would fit.
//! Reasons are codes with values; their words are in assets/messages/plans.toml. Memory is in bytes.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use specta::Type;

/// A reason as a code with values; its words are in assets/messages/plans.toml.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ReasonView {
    pub code: String,
    pub values: BTreeMap<String, String>,
}

/// What a person wants to serve, and on what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct PlanWish {
    /// Id or name in the catalogue.
    pub model: String,
    /// `sglang`, `vllm`, `llama-server` or `ollama`; the first of them that serves the files there when it is empty.
    pub engine: String,
    /// "8xH100-80G", "2x8xH100-80G".
    pub machines: String,
    /// "FP8"; the best that fits when left out.
    pub precision: Option<String>,
    /// Tokens of one conversation.
    pub context: u32,
    /// Conversations at the same time.
    pub sequences: u32,
    /// vLLM over Ray.
    pub ray: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum PlanOutcome {
    Plan(Box<PlanView>),
    NotEnough { refusals: Vec<RefusalView>, offers: Vec<OfferView> },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct PlanView {
    pub engine: String,
    pub model_id: String,
    pub model_name: String,
    pub precision: String,
    /// What is used of what there is.
    pub machines: String,
    pub memory: PlanMemoryView,
    /// Tokens of one conversation.
    pub context: u32,
    pub sequences: u32,
    pub arguments: Vec<PlanLine>,
    pub environment: Vec<PlanLine>,
    /// Lines of an ollama Modelfile.
    pub modelfile: Vec<PlanLine>,
    pub notes: Vec<ReasonView>,
    pub files: Vec<PlanFile>,
}

/// Bytes on the fullest card.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct PlanMemoryView {
    /// Of all weights.
    pub size: f64,
    pub cards: u32,
    pub card: f64,
    pub budget: f64,
    pub weights: f64,
    pub overhead: f64,
    /// Of one token of a conversation.
    pub token: f64,
    /// Tokens that all conversations together may have.
    pub tokens: f64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct PlanLine {
    /// Name and value, as they are typed.
    pub text: String,
    pub why: ReasonView,
}

/// One file of a rendering.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct PlanFile {
    /// `shell`, `compose`, `k8s`, `systemd` or `modelfile`.
    pub form: String,
    pub name: String,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct RefusalView {
    pub precision: String,
    pub why: ReasonView,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct OfferView {
    pub engine: String,
    pub precision: String,
    pub machines: String,
    /// Tokens that all conversations together may have.
    pub tokens: f64,
    pub context: u32,
    pub sequences: u32,
}
