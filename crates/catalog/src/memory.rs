//! How much of a model lies on each card when it is divided, and how many tokens the rest of the card holds. Weights and
//! cache are exact; the share of a card and the overheads are estimates of ours, the same as in `fit`.
use crate::{Cache, Card, KvDtype, ModelFacts, Shape, Variant};

const GIB: u64 = 1 << 30;
/// Context of the driver, graphs and buffers of communication, on every card.
pub const CARD_OVERHEAD: u64 = GIB * 3 / 2;
/// Share of a card's memory that an engine is given.
pub const BUDGET_PERCENT: u64 = 90;
/// Tokens under which a server is of no use.
pub const SHORTEST_POOL: u64 = 2048;
/// FP8 checkpoints scale squares of this many weights; a part may not cut one.
const FP8_BLOCK: u32 = 128;

/// How one server is spread over cards. Cards used: `tensor * pipeline`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Division {
    /// Cards that share each layer.
    pub tensor: u32,
    /// Groups of cards that each hold some of the layers.
    pub pipeline: u32,
    /// Among the tensor ranks, groups that keep a cache of their own (DP attention); 1 for none.
    pub attention_data: u32,
}

/// Bytes on the fullest card, and what its free rest holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    pub cards: u32,
    pub weights: u64,
    pub overhead: u64,
    /// What the engine may take.
    pub budget: u64,
    /// Of one token on the cards that hold it.
    pub token: u64,
    /// Tokens that all conversations together may have.
    pub tokens: u64,
}

/// What a card lacks to compute with the numbers of these files by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    Fp8,
    Fp4,
    Bf16,
}

/// GGUF files are decoded by the engine; the others ask the card for their own numbers.
pub fn gate(card: &Card, variant: &Variant) -> Option<Gate> {
    match variant.precision.as_str() {
        "FP8" if !card.fp8 => Some(Gate::Fp8),
        "FP4" | "NVFP4" if !card.fp4 => Some(Gate::Fp4),
        "BF16" if card.capability().is_some_and(|capability| capability < 8.0) => Some(Gate::Bf16),
        _ => None,
    }
}

/// Whether FP8 files run on a card without units for FP8: vLLM keeps such weights in 8 bits on NVIDIA's cards from Ampere on, and
/// widens each as it is multiplied (Marlin kernels; docs.vllm.ai, features/quantization/fp8).
pub fn widens_fp8(card: &Card) -> bool {
    let ampere = card.capability().is_some_and(|capability| capability >= 8.0);
    card.vendor == crate::Vendor::Nvidia && !card.fp8 && ampere
}

/// What no engine makes up for. [`gate`] is about the card alone.
pub fn lacks(card: &Card, variant: &Variant) -> Option<Gate> {
    gate(card, variant).filter(|gate| *gate != Gate::Fp8 || !widens_fp8(card))
}

impl Division {
    pub const ONE: Self = Self { tensor: 1, pipeline: 1, attention_data: 1 };

    pub fn cards(self) -> u32 {
        self.tensor * self.pipeline
    }

    /// Whole layers on each card, one part after the other.
    pub fn by_layers(cards: u32) -> Self {
        Self { tensor: 1, pipeline: cards, attention_data: 1 }
    }

    /// `cards` as tensor ranks as far as heads and widths divide, the others as groups of layers.
    pub fn of(shape: &Shape, cache: &Cache, variant: &Variant, cards: u32) -> Option<Self> {
        (1..=cards)
            .rev()
            .filter(|tensor| cards.is_multiple_of(*tensor) && divides(shape, cache, variant, *tensor))
            .map(|tensor| Self { tensor, pipeline: cards / tensor, attention_data: 1 })
            .find(|division| u64::from(division.pipeline) <= cache.layers())
    }
}

/// Whether `tensor` cards can share each layer.
pub fn divides(shape: &Shape, cache: &Cache, variant: &Variant, tensor: u32) -> bool {
    let step = if variant.precision == "FP8" { FP8_BLOCK } else { 1 };
    let heads = shape.heads.is_multiple_of(tensor)
        && match *cache {
            Cache::Latent { .. } => true,
            Cache::Heads { kv_heads, .. } => {
                kv_heads.is_multiple_of(u64::from(tensor)) || u64::from(tensor).is_multiple_of(kv_heads)
            }
        };
    heads
        && shape
            .widths
            .iter()
            .all(|width| width.is_multiple_of(tensor) && (width / tensor).is_multiple_of(step))
}

/// The fullest card of `division`, with `extra` further layers of cache for a drafting part.
pub fn memory(
    model: &ModelFacts,
    variant: &Variant,
    card_memory: u64,
    division: Division,
    kv: KvDtype,
    extra: u64,
) -> Memory {
    let (tensor, pipeline) = (u64::from(division.tensor), u64::from(division.pipeline));
    let layers = model.cache.layers();
    // The stage with most layers decides.
    let stage = layers.div_ceil(pipeline);
    let of_stage = |bytes: u64| (u128::from(bytes) * u128::from(stage) / u128::from(layers)) as u64;
    let mut weights = of_stage(variant.size).div_ceil(tensor);
    if let (Some(shape), data @ 2..) = (&model.shape, u64::from(division.attention_data)) {
        // Each group of ranks holds all of the attention: what was a part of it becomes `data` parts.
        let bytes =
            u128::from(shape.attention_params) * u128::from(variant.size) / u128::from(model.params_total);
        weights += of_stage(bytes as u64) / tensor * (data - 1);
    }
    let overhead = CARD_OVERHEAD + weights / 50;
    let budget = card_memory / 100 * BUDGET_PERCENT;
    let per_layer = model.cache.bytes_per_token(kv) / layers;
    let whole = per_layer * (stage + extra);
    let token = match model.cache {
        // Every rank holds the whole latent.
        Cache::Latent { .. } => whole,
        Cache::Heads { kv_heads, .. } => whole.div_ceil(tensor.min(kv_heads)),
    };
    let rest = budget.saturating_sub(weights + overhead);
    let tokens = rest / token.max(1) * u64::from(division.attention_data);
    Memory { cards: division.cards(), weights, overhead, budget, token, tokens }
}
