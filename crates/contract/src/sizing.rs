//! "Can I run it?": one model at one precision against this computer, GPUs by name, and published tables.
//! Memory is in bytes of the fullest GPU, lengths are in tokens. The numbers are computed in `catalog`.
use serde::{Deserialize, Serialize};
use specta::Type;

use crate::{FitView, Localized, VariantView};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct SizingWish {
    /// Id or name in the catalogue.
    pub model: String,
    /// The id of the variant; by default the one that fits this computer best.
    pub variant: Option<String>,
    /// The context length of one conversation, in tokens.
    pub context: u32,
    /// The number of concurrent conversations.
    pub sequences: u32,
    /// An 8-bit KV cache instead of 16 bits.
    pub small_cache: bool,
    /// "8xH100-80G", "2x8xH100-80G": evaluated in addition to the table.
    pub machines: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct SizingView {
    pub model_id: String,
    pub model_name: String,
    pub variants: Vec<VariantView>,
    /// The id of the variant of all numbers.
    pub variant_id: String,
    /// The variant is GGUF, for llama.cpp and engines based on it.
    pub gguf: bool,
    /// The requested context length, at most `context_max`.
    pub context: u32,
    pub context_max: u32,
    pub sequences: u32,
    /// The verdict for the embedded engine on this computer.
    pub here: FitView,
    /// A note about GPUs that the embedded engine does not use.
    pub gpu_note: Option<Localized>,
    /// The bytes of routed experts in `here.weights`; 0 for a dense model.
    pub here_experts: f64,
    /// The verdict for `SizingWish::machines`; also `None` when the model cannot be split over so many GPUs.
    pub machines: Option<CardsView>,
    /// For each known GPU the smallest count that holds the model, or the largest that was tried.
    pub rows: Vec<CardsView>,
    pub claims: Vec<ClaimView>,
}

/// Equal GPUs and the memory of the model on them. Bytes are those of the fullest GPU.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct CardsView {
    /// "2x8xH100-80G", as in a plan.
    pub machines: String,
    /// "H100-80G".
    pub card: String,
    pub vendor: String,
    /// The total number of GPUs.
    pub count: u32,
    pub nodes: u32,
    /// The tensor parallel size.
    pub tensor: u32,
    /// The pipeline parallel size.
    pub pipeline: u32,
    pub verdict: CardsVerdict,
    /// The only engine that runs the variant on these GPUs; absent when there are several.
    pub only: Option<String>,
    /// The memory of one GPU.
    pub memory: f64,
    /// The share of it that an engine may use.
    pub budget: f64,
    /// Without the routed experts.
    pub weights: f64,
    pub experts: f64,
    pub overhead: f64,
    /// The KV cache of the requested conversations.
    pub kv: f64,
    /// The tokens of all conversations together.
    pub tokens: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum CardsVerdict {
    Holds,
    /// Holds the weights, but not the requested conversations.
    ShortContext,
    TooSmall,
    NoFp8,
    NoFp4,
    NoBf16,
}

/// A published claim about this model that cannot be true.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct ClaimView {
    /// The publication.
    pub source: String,
    pub precision: String,
    /// The bytes of the variant that it refers to.
    pub size: f64,
    /// "8xH100-80G"; `None` when the claim is an amount of memory.
    pub machines: Option<String>,
    /// The memory of these GPUs, or the claimed amount, in bytes.
    pub claimed: f64,
    pub defect: ClaimDefect,
    /// The tokens that would be left for conversations, if the GPUs hold the weights.
    pub tokens: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum ClaimDefect {
    NoFp8,
    NoFp4,
    NoBf16,
    TooSmall,
    LessThanFiles,
}
