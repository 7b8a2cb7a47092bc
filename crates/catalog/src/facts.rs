//! The facts as the asset files hold them. Sizes are bytes; KV bytes follow from the architecture.
use std::sync::LazyLock;

use serde::Deserialize;

use crate::Card;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Sentence {
    pub en: String,
    pub zh: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FamilyKind {
    Guide,
    MoeOriginal,
    DenseDistill,
}

/// What one token leaves in the cache: an MLA latent shared by all heads, or keys and values per head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Cache {
    Latent { layers: u64, width: u64 },
    Heads { layers: u64, kv_heads: u64, head_dim: u64 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KvDtype {
    Bf16,
    Fp8,
    /// GGUF's blocks of 32 numbers in 34 bytes.
    Q8,
}

impl Cache {
    /// Bytes that one token takes.
    pub fn bytes_per_token(&self, dtype: KvDtype) -> u64 {
        let numbers = match *self {
            Self::Latent { layers, width } => layers * width,
            Self::Heads { layers, kv_heads, head_dim } => layers * 2 * kv_heads * head_dim,
        };
        match dtype {
            KvDtype::Bf16 => numbers * 2,
            KvDtype::Fp8 => numbers,
            KvDtype::Q8 => numbers * 34 / 32,
        }
    }

    pub fn layers(&self) -> u64 {
        match *self {
            Self::Latent { layers, .. } | Self::Heads { layers, .. } => layers,
        }
    }
}

/// What decides over how many cards a model can be divided.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Shape {
    pub heads: u32,
    /// Inner widths of the feed-forward parts, a single expert's included.
    pub widths: Vec<u32>,
    /// Routed experts of a layer; 0 when there are none.
    pub experts: u32,
    /// Parameters of all routed experts of all layers, those of prediction layers left out.
    #[serde(default)]
    pub expert_params: u64,
    /// Layers that predict further tokens and can draft (MTP).
    pub predictions: u32,
    /// Parameters of all attention layers: every card holds them whole under DP attention.
    pub attention_params: u64,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct Sampling {
    pub temperature: f32,
    pub top_p: f32,
    pub top_k: u32,
    pub min_p: f32,
    pub frequency_penalty: f32,
    pub presence_penalty: f32,
    pub repetition_penalty: f32,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 0.6,
            top_p: 0.95,
            top_k: 0,
            min_p: 0.0,
            frequency_penalty: 0.0,
            presence_penalty: 0.0,
            repetition_penalty: 1.0,
        }
    }
}

/// One set of files of a model.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Variant {
    pub id: String,
    pub precision: String,
    pub size: u64,
    pub size_computed: bool,
    pub repo_hugging_face: Option<String>,
    pub repo_model_scope: Option<String>,
    /// Glob patterns of the files to take from the repository.
    #[serde(default)]
    pub files: Vec<String>,
    pub note: Option<Sentence>,
}

impl Variant {
    /// Files for llama.cpp and ollama; the others are for every other engine.
    pub fn is_gguf(&self) -> bool {
        self.files.iter().any(|pattern| pattern.ends_with(".gguf"))
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ModelFacts {
    pub id: String,
    pub name: String,
    pub family: FamilyKind,
    pub note: Sentence,
    pub params_total: u64,
    pub params_active: u64,
    pub context_max: u32,
    pub takes_images: bool,
    /// It thinks or answers at once, as its template is told.
    #[serde(default)]
    pub hybrid: bool,
    pub licence: String,
    /// True when the architecture is one that the embedded engine implements.
    pub embedded: bool,
    /// Order of recommendation, higher is better; 0 is never recommended unasked.
    pub rank: u32,
    pub cache: Cache,
    /// `None` for a file of the person's: nothing is planned for it.
    pub shape: Option<Shape>,
    pub recommended: Sampling,
    /// Best precision first.
    #[serde(rename = "variant")]
    pub variants: Vec<Variant>,
}

impl ModelFacts {
    /// Of `weights` bytes, those of routed experts, by their share of the parameters: a few hundredths off where files
    /// store them in other numbers than the rest.
    pub fn expert_bytes(&self, weights: u64) -> u64 {
        let experts = self.shape.as_ref().map_or(0, |shape| shape.expert_params);
        (u128::from(weights) * u128::from(experts) / u128::from(self.params_total.max(1))) as u64
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Preset {
    pub id: String,
    pub name: Sentence,
    pub what_for: Sentence,
    pub sampling: Sampling,
}

#[derive(Debug, Deserialize)]
struct Models {
    model: Vec<ModelFacts>,
}

#[derive(Debug, Deserialize)]
struct Presets {
    preset: Vec<Preset>,
}

#[derive(Debug, Deserialize)]
struct Cards {
    gpu: Vec<Card>,
}

#[derive(Debug)]
pub struct Catalog {
    models: Vec<ModelFacts>,
    presets: Vec<Preset>,
    cards: Vec<Card>,
}

static BUILTIN: LazyLock<Catalog> = LazyLock::new(|| {
    let models: Models = toml::from_str(include_str!("../../../assets/catalog/models.toml"))
        .expect("models.toml is part of the program and tested");
    let presets: Presets = toml::from_str(include_str!("../../../assets/catalog/presets.toml"))
        .expect("presets.toml is part of the program and tested");
    let cards: Cards = toml::from_str(include_str!("../../../assets/catalog/hardware.toml"))
        .expect("hardware.toml is part of the program and tested");
    Catalog { models: models.model, presets: presets.preset, cards: cards.gpu }
});

impl Catalog {
    pub fn builtin() -> &'static Self {
        &BUILTIN
    }

    pub fn models(&self) -> &[ModelFacts] {
        &self.models
    }

    pub fn model(&self, id: &str) -> Option<&ModelFacts> {
        self.models.iter().find(|model| model.id == id)
    }

    pub fn presets(&self) -> &[Preset] {
        &self.presets
    }

    pub fn cards(&self) -> &[Card] {
        &self.cards
    }
}

/// The golden presets; DeepSeek's own advice is [`ModelFacts::recommended`].
pub fn presets() -> &'static [Preset] {
    BUILTIN.presets()
}
