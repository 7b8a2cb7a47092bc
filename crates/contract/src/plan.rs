//! Deployment plans: every argument of the commands with its reason, or why there is none and what would fit.
//! Reasons are codes with values; their words are in assets/messages/plans.toml. Memory is in bytes.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use specta::Type;

/// A reason as a code with values; its message is in assets/messages/plans.toml.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ReasonView {
    pub code: String,
    pub values: BTreeMap<String, String>,
}

/// A request for a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct PlanWish {
    /// Id or name in the catalogue.
    pub model: String,
    /// `sglang`, `vllm`, `llama-server` or `ollama`; when empty, the first of them that can serve the model
    /// there.
    pub engine: String,
    /// "8xH100-80G", "2x8xH100-80G".
    pub machines: String,
    /// "FP8"; the best precision that fits by default.
    pub precision: Option<String>,
    /// The context length of one conversation, in tokens.
    pub context: u32,
    /// The number of concurrent conversations.
    pub sequences: u32,
    /// vLLM with Ray.
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
    /// The GPUs that the plan uses.
    pub machines: String,
    pub memory: PlanMemoryView,
    /// The context length of one conversation, in tokens.
    pub context: u32,
    pub sequences: u32,
    pub arguments: Vec<PlanLine>,
    pub environment: Vec<PlanLine>,
    /// Lines of an ollama Modelfile.
    pub modelfile: Vec<PlanLine>,
    pub notes: Vec<ReasonView>,
    pub files: Vec<PlanFile>,
}

/// Bytes on the fullest GPU.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct PlanMemoryView {
    /// The bytes of all weights.
    pub size: f64,
    pub cards: u32,
    pub card: f64,
    pub budget: f64,
    pub weights: f64,
    pub overhead: f64,
    /// The KV cache of one token.
    pub token: f64,
    /// The tokens of all conversations together.
    pub tokens: f64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct PlanLine {
    /// Name and value, as in a command.
    pub text: String,
    pub why: ReasonView,
}

/// One rendered file.
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
    /// The tokens of all conversations together.
    pub tokens: f64,
    pub context: u32,
    pub sequences: u32,
}
