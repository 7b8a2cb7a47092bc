//! The data of assets/catalog: models, variants, presets and GPUs, parsed once and the same for every caller.
//! Sizes are in bytes; KV cache sizes are computed from the architecture and not stored.
//! Names and notes for the screen are stored in English and Chinese.
use std::sync::LazyLock;

use checkpoint::memory::ActivationSizes;
use protocol::WeightDtype;
use serde::Deserialize;

use crate::GpuSpec;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Sentence {
    pub en: String,
    pub zh: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FamilyKind {
    Guide,
    /// Made by DeepSeek.
    Original,
    DenseDistill,
}

/// The KV cache of one token: an MLA latent shared by all heads, or keys and values per KV head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind")]
pub enum KvCache {
    /// `rope` of the `width` are the rotated key.
    #[serde(rename = "latent")]
    Mla {
        layers: u64,
        width: u64,
        #[serde(default = "rope")]
        rope: u64,
    },
    #[serde(rename = "heads")]
    Gqa { layers: u64, kv_heads: u64, head_dim: u64 },
    /// What sparse attention reads: compressed entries and the keys of its indexer, in a format that the
    /// engines choose. Every card of a tensor-parallel group has all of it.
    #[serde(rename = "sparse")]
    Sparse { layers: u64, token_bytes: u64 },
}

/// The rotated key of every published DeepSeek model.
fn rope() -> u64 {
    64
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KvDtype {
    Bf16,
    Fp8,
    /// GGUF Q8_0: 32 values in 34 bytes.
    Q8,
}

impl KvCache {
    /// Bytes of one token in all layers.
    pub fn bytes_per_token(&self, dtype: KvDtype) -> u64 {
        let values = match *self {
            Self::Mla { layers, width, .. } => layers * width,
            Self::Gqa { layers, kv_heads, head_dim } => layers * 2 * kv_heads * head_dim,
            Self::Sparse { layers, token_bytes } => return layers * token_bytes,
        };
        match dtype {
            KvDtype::Bf16 => values * 2,
            KvDtype::Fp8 => values,
            KvDtype::Q8 => values * 34 / 32,
        }
    }

    pub fn layers(&self) -> u64 {
        match *self {
            Self::Mla { layers, .. } | Self::Gqa { layers, .. } | Self::Sparse { layers, .. } => layers,
        }
    }
}

/// The sizes that limit tensor parallelism.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Shape {
    pub heads: u32,
    /// Intermediate sizes of the MLPs, that of an expert last; empty if they are not known.
    pub widths: Vec<u32>,
    /// Routed experts per layer; 0 for a dense model.
    pub experts: u32,
    /// Parameters of all routed experts of all layers, without MTP layers.
    #[serde(default)]
    pub expert_params: u64,
    /// Number of MTP layers, which can draft tokens.
    #[serde(rename = "predictions")]
    pub mtp_layers: u32,
    /// Parameters of all attention layers, which every GPU holds under DP attention; 0 for sparse attention,
    /// for which it is not planned.
    #[serde(default)]
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
    /// Bytes of the weights, as they are in memory.
    pub size: u64,
    pub size_computed: bool,
    /// The type to which the weights are requantized when the model starts, by the embedded engine only.
    pub shrink: Option<WeightDtype>,
    /// Bytes of the files, where these are not the weights as they are in memory.
    pub files_size: Option<u64>,
    pub repo_hugging_face: Option<String>,
    pub repo_model_scope: Option<String>,
    /// Glob patterns of the files to download from the repository.
    #[serde(default)]
    pub files: Vec<String>,
    pub note: Option<Sentence>,
}

impl Variant {
    /// Bytes of a download.
    pub fn download(&self) -> u64 {
        self.files_size.unwrap_or(self.size)
    }

    /// GGUF files are for llama.cpp and ollama, the others for all other engines.
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
    /// Reasoning can be switched by the chat template.
    #[serde(default)]
    pub hybrid: bool,
    pub licence: String,
    /// The embedded engine implements the architecture.
    pub embedded: bool,
    /// The other engines that run it, by their command names; empty for all that read its files.
    #[serde(default)]
    pub engines: Vec<String>,
    /// Order of recommendation, higher is better; 0 is never recommended.
    pub rank: u32,
    pub cache: KvCache,
    /// What a pass on a graphics card needs besides weights and cache; `None` where the files do not tell.
    pub activations: Option<ActivationSizes>,
    /// `None` for an imported file, which gets no deployment plans.
    pub shape: Option<Shape>,
    pub recommended: Sampling,
    /// Best precision first.
    #[serde(rename = "variant")]
    pub variants: Vec<Variant>,
}

impl ModelFacts {
    /// The bytes of routed experts among `weights` bytes, by their share of the parameters. A few percent off
    /// for files that store experts in another type than the rest.
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
struct GpuFile {
    gpu: Vec<GpuSpec>,
}

#[derive(Debug)]
pub struct Catalog {
    models: Vec<ModelFacts>,
    presets: Vec<Preset>,
    gpus: Vec<GpuSpec>,
}

static BUILTIN: LazyLock<Catalog> = LazyLock::new(|| {
    let models: Models = toml::from_str(include_str!("../../../assets/catalog/models.toml"))
        .expect("models.toml is part of the program and tested");
    let presets: Presets = toml::from_str(include_str!("../../../assets/catalog/presets.toml"))
        .expect("presets.toml is part of the program and tested");
    let file: GpuFile = toml::from_str(include_str!("../../../assets/catalog/hardware.toml"))
        .expect("hardware.toml is part of the program and tested");
    Catalog { models: models.model, presets: presets.preset, gpus: file.gpu }
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

    /// Models with a rank, lowest first.
    pub(crate) fn ranked(&self) -> Vec<&ModelFacts> {
        let mut models: Vec<&ModelFacts> = self.models.iter().filter(|model| model.rank > 0).collect();
        models.sort_by_key(|model| model.rank);
        models
    }

    pub fn presets(&self) -> &[Preset] {
        &self.presets
    }

    pub fn gpus(&self) -> &[GpuSpec] {
        &self.gpus
    }
}

/// The built-in presets. DeepSeek's recommendation is [`ModelFacts::recommended`].
pub fn presets() -> &'static [Preset] {
    BUILTIN.presets()
}
