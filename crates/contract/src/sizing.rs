//! "Can I run it?": one model at one precision against this computer, GPUs by name, and published tables.
//! Memory is in bytes of the fullest GPU, lengths are in tokens. The numbers are computed in `catalog`.
use serde::{Deserialize, Serialize};
use specta::Type;

use crate::{FitView, Localized, VariantView};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct SizingWish {
    /// Id or name in the catalogue.
    pub model: String,
    /// Id of the files; those that suit this computer best when left out.
    pub variant: Option<String>,
    /// Tokens of one conversation.
    pub context: u32,
    /// Conversations at the same time.
    pub sequences: u32,
    /// The cache in numbers of 8 bits instead of 16.
    pub small_cache: bool,
    /// "8xH100-80G", "2x8xH100-80G": judged beside the table.
    pub machines: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct SizingView {
    pub model_id: String,
    pub model_name: String,
    pub variants: Vec<VariantView>,
    /// Id of the files that all numbers are of.
    pub variant_id: String,
    /// Those files are for llama.cpp and engines of its kind.
    pub gguf: bool,
    /// As wished, up to what the model can.
    pub context: u32,
    pub context_max: u32,
    pub sequences: u32,
    /// What the embedded engine makes of it on this computer.
    pub here: FitView,
    /// What is to be said of graphics cards that the embedded engine does not use.
    pub gpu_note: Option<Localized>,
    /// Bytes of the weights that are routed experts, of `here.weights`; 0 where there are none.
    pub here_experts: f64,
    /// Graphics cards of this computer that the verdict counts on.
    pub here_cards: u32,
    /// The machines of the wish; `None` too where so many cards cannot share the model.
    pub machines: Option<CardsView>,
    /// For each known card the fewest that hold it, or the most that were tried.
    pub rows: Vec<CardsView>,
    pub claims: Vec<ClaimView>,
}

/// Equal cards and what each holds when they share the model. Bytes are of the fullest card.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct CardsView {
    /// "2x8xH100-80G", as a plan takes it.
    pub machines: String,
    /// "H100-80G".
    pub card: String,
    pub vendor: String,
    /// Cards in all.
    pub count: u32,
    pub nodes: u32,
    /// Cards that share each layer.
    pub tensor: u32,
    /// Groups of cards that each hold some of the layers.
    pub pipeline: u32,
    pub verdict: CardsVerdict,
    /// The only engine that runs these files on these cards; absent where there are several.
    pub only: Option<String>,
    /// Bytes of one card.
    pub memory: f64,
    /// What an engine may take of it.
    pub budget: f64,
    /// Without the routed experts.
    pub weights: f64,
    pub experts: f64,
    pub overhead: f64,
    /// Of the wished conversations.
    pub kv: f64,
    /// Tokens that all conversations together may have.
    pub tokens: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum CardsVerdict {
    Holds,
    /// The weights, but not the wished conversations.
    ShortContext,
    TooSmall,
    NoFp8,
    NoFp4,
    NoBf16,
}

/// Something that a published table says of this model and that cannot be true.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct ClaimView {
    /// Where it is said.
    pub source: String,
    pub precision: String,
    /// Bytes of the files it speaks of.
    pub size: f64,
    /// "8xH100-80G"; `None` when only an amount is claimed.
    pub machines: Option<String>,
    /// Bytes of these cards, or of the claimed amount.
    pub claimed: f64,
    pub defect: ClaimDefect,
    /// Tokens that would be left for conversations, where the cards hold the weights at all.
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
