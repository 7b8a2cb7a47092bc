//! Models, presets, fit verdicts and the recommendation. Sizes are in bytes, as `f64`, because JavaScript has
//! no 64-bit integers; the verdict is computed in `catalog`.
use serde::{Deserialize, Serialize};
use specta::Type;

use crate::{DownloadView, ErrorView, LinkedView, SourceKind};

/// One row of the Models page: facts, the verdict for this computer, and the files on disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct ModelView {
    /// Catalogue id, such as `deepseek-r1-distill-qwen-14b`; `guide` is the built-in model.
    pub id: String,
    pub name: String,
    pub family: FamilyKind,
    /// What the model is: "Qwen 2.5 distilled from DeepSeek-R1".
    pub family_note: Localized,
    /// Total parameters.
    pub params_total: f64,
    /// Active parameters per token.
    pub params_active: f64,
    pub context_max: u32,
    pub takes_images: bool,
    /// The model can answer with or without thinking.
    pub hybrid: bool,
    pub licence: String,
    /// The precision of the verdict is the first.
    pub variants: Vec<VariantView>,
    pub fit: FitView,
    pub state: ModelState,
    /// The first unfinished download of the model.
    pub download: Option<DownloadView>,
    /// Bytes on disk of all its precisions, without links.
    pub disk_used: f64,
    /// Files of other programs that it uses as links. They stay when the model is deleted.
    pub linked: Vec<LinkedView>,
    /// The precisions on the disk or in download, in the order of the catalogue. Empty for a built-in or
    /// imported model.
    pub precisions: Vec<PrecisionView>,
    /// The sampling that the maker of the model recommends.
    pub recommended: SamplingView,
    /// True when the embedded engine of this version can run it.
    pub runs_embedded: bool,
    /// The other engines that run it, where the embedded one does not: "sglang", "vllm", "llama-server".
    pub engines: Vec<String>,
    /// The model of the catalogue that the files of an imported model say they are.
    pub known_as: Option<String>,
    /// The path of an imported model; `None` for a model of the catalogue.
    pub path: Option<String>,
    /// `owner/name:precision` of a model that was downloaded by its name. Unlike the files of an import, its
    /// files are deleted with it.
    pub repository: Option<String>,
    /// Why a model of the disk cannot be used now, such as a moved file. The state is then `failed`.
    pub problem: Option<ErrorView>,
}

/// A model in the folder of another program on this computer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct OtherProgramModel {
    /// The name of the program, such as "Ollama".
    pub program: String,
    /// The name of the model there, such as `owner/name` or `name:tag`.
    pub label: String,
    /// What an import takes.
    pub path: String,
    /// Bytes of its weight files.
    pub size: f64,
    /// The verdict for this computer; `None` if the engine does not run it, and `problem` is then the reason.
    pub fit: Option<FitView>,
    pub problem: Option<ErrorView>,
    /// It is in the list of models.
    pub added: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct Localized {
    pub en: String,
    pub zh: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum FamilyKind {
    /// Built into the app.
    Guide,
    /// DeepSeek's own.
    Original,
    /// Another maker's dense model distilled from R1.
    DenseDistill,
    /// An imported model, of which only the facts of its files are known.
    OwnFile,
}

/// One set of files of a model: a repository at a precision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct VariantView {
    pub id: String,
    /// "FP8", "BF16", "Q4_K_M".
    pub precision: String,
    /// Bytes of weight files.
    pub size: f64,
    /// True when `size` is computed from the architecture and not read from a file listing.
    pub size_computed: bool,
    pub repo_hugging_face: Option<String>,
    pub repo_model_scope: Option<String>,
    pub note: Option<Localized>,
}

/// One precision of a model on this computer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct PrecisionView {
    /// The id of one of the model's variants.
    pub variant_id: String,
    /// "FP8", "BF16", "Q4_K_M".
    pub precision: String,
    pub state: ModelState,
    /// Bytes on disk, without links.
    pub disk_used: f64,
    pub linked: Vec<LinkedView>,
    /// Which file is missing or changed, where it was complete before. The state is then `failed`.
    pub problem: Option<ErrorView>,
    /// Chats with this model use this precision.
    pub in_use: bool,
    pub download: Option<DownloadView>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct FitView {
    pub verdict: Verdict,
    /// One sentence with the limiting number.
    pub reason: Localized,
    pub place: Place,
    /// The name of the card, for `place = gpu`.
    pub card: Option<String>,
    /// The context length that fits, in tokens.
    pub context: u32,
    /// Bytes, for the stacked bar.
    pub weights: f64,
    pub kv: f64,
    pub overhead: f64,
    pub needed: f64,
    pub available: f64,
    /// Tokens per second, estimated from the bandwidth of the memory; `None` when that is not known.
    pub speed_estimate: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    RunsWell,
    ShortContext,
    /// Fits in memory but will answer slowly.
    Slow,
    TooLarge,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    Gpu,
    Cpu,
    Nowhere,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum ModelState {
    BuiltIn,
    NotDownloaded,
    Downloading,
    Paused,
    Verifying,
    /// The size and the SHA-256 of every file were checked. A model is ready when one of its precisions is.
    Ready,
    Failed,
}

/// The recommendation of the Welcome page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct RecommendationView {
    /// `None` when not even the smallest model fits; then the sentence has the reason.
    pub model_id: Option<String>,
    pub variant_id: Option<String>,
    pub sentence: Localized,
    /// The cheapest upgrade that would change the recommendation.
    pub upgrade: Option<Localized>,
    /// A note about GPUs that the embedded engine does not use.
    pub gpu_note: Option<Localized>,
    /// Bytes to download.
    pub download_size: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct PresetView {
    /// `factual`, `creative`, `code` or `deepseek`.
    pub id: String,
    pub name: Localized,
    pub what_for: Localized,
    pub sampling: SamplingView,
}

/// Sampling parameters, as the sliders show them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct SamplingView {
    pub temperature: f32,
    pub top_p: f32,
    pub top_k: u32,
    pub min_p: f32,
    pub frequency_penalty: f32,
    pub presence_penalty: f32,
    pub repetition_penalty: f32,
    /// 0 means up to the end of the context.
    pub max_tokens: u32,
    pub seed: Option<u32>,
    /// Chats of earlier versions do not have this field.
    #[serde(default)]
    pub thinking: Thinking,
}

/// Whether a model that can do both thinks before it answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum Thinking {
    /// The default of the model or its service; no field is sent.
    #[default]
    Own,
    On,
    Off,
}

impl Default for SamplingView {
    fn default() -> Self {
        Self {
            temperature: 0.6,
            top_p: 0.95,
            top_k: 0,
            min_p: 0.0,
            frequency_penalty: 0.0,
            presence_penalty: 0.0,
            repetition_penalty: 1.0,
            max_tokens: 0,
            seed: None,
            thinking: Thinking::Own,
        }
    }
}

/// The source of a download. The user chooses it; it never changes silently.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct SourceView {
    pub kind: SourceKind,
    pub endpoint: String,
}
