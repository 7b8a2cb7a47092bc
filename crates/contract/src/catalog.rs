//! Models, presets, fit verdicts and the recommendation. Sizes are in bytes, as `f64`, because JavaScript has
//! no 64-bit integers; the verdict is computed in `catalog`.
use serde::{Deserialize, Serialize};
use specta::Type;

use crate::{DownloadView, ErrorView, SourceKind};

/// One row of the Models page: facts, verdict for this machine, and what is on disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct ModelView {
    /// Catalogue id, such as `deepseek-r1-distill-qwen-14b`; `guide` is the built-in model.
    pub id: String,
    pub name: String,
    pub family: FamilyKind,
    /// The truth about what it is, in the language of the host: "A Qwen model taught by R1".
    pub family_note: Localized,
    /// Parameters in all.
    pub params_total: f64,
    /// Parameters touched for one token.
    pub params_active: f64,
    pub context_max: u32,
    pub takes_images: bool,
    /// It thinks or answers at once, as it is asked to.
    pub hybrid: bool,
    pub licence: String,
    /// The precision chosen for the verdict comes first.
    pub variants: Vec<VariantView>,
    pub fit: FitView,
    pub state: ModelState,
    /// The first of its downloads that is not finished.
    pub download: Option<DownloadView>,
    /// Bytes on disk of all its precisions, 0 when nothing is.
    pub disk_used: f64,
    /// Those that are on the disk or on their way, in the order of the catalogue; none of a built-in model or an own file.
    pub precisions: Vec<PrecisionView>,
    /// The sampling that the model's own makers advise.
    pub recommended: SamplingView,
    /// True when the embedded engine of this version can run it.
    pub runs_embedded: bool,
    /// Where the person's own file or folder lies; `None` for every model of the catalogue.
    pub path: Option<String>,
    /// Why an own file cannot be used now, such as that it was moved; the state is `failed` then.
    pub problem: Option<ErrorView>,
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
    /// DeepSeek's own mixture of experts.
    MoeOriginal,
    /// Another maker's dense model taught by R1.
    DenseDistill,
    /// A file of the person's, used where it lies; only what its files say is known.
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
    /// Of one of the model's variants.
    pub variant_id: String,
    /// "FP8", "BF16", "Q4_K_M".
    pub precision: String,
    pub state: ModelState,
    /// Bytes on disk.
    pub disk_used: f64,
    /// The one that chats with this model use.
    pub in_use: bool,
    pub download: Option<DownloadView>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct FitView {
    pub verdict: Verdict,
    /// One plain sentence with the binding number.
    pub reason: Localized,
    pub place: Place,
    /// Tokens of conversation that fit.
    pub context: u32,
    /// Bytes, for the stacked bar.
    pub weights: f64,
    pub kv: f64,
    pub overhead: f64,
    pub needed: f64,
    pub available: f64,
    /// Predicted tokens per second from bandwidth; `None` when nothing was measured or known.
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
    /// Every file's size and SHA-256 were checked. A model is when one of its precisions is.
    Ready,
    Failed,
}

/// The one answer of the Welcome page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct RecommendationView {
    /// `None` when not even the smallest model fits; the sentence says why.
    pub model_id: Option<String>,
    pub variant_id: Option<String>,
    pub sentence: Localized,
    /// The cheapest upgrade that would change the answer.
    pub upgrade: Option<Localized>,
    /// What is to be said of graphics cards that the embedded engine does not use.
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

/// Sampling parameters as the sliders hold them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct SamplingView {
    pub temperature: f32,
    pub top_p: f32,
    pub top_k: u32,
    pub min_p: f32,
    pub frequency_penalty: f32,
    pub presence_penalty: f32,
    pub repetition_penalty: f32,
    /// 0 means as many as the context holds.
    pub max_tokens: u32,
    pub seed: Option<u32>,
    /// Chats of earlier versions lack it.
    #[serde(default)]
    pub thinking: Thinking,
}

/// Whether a model that can do both thinks before it answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum Thinking {
    /// As the model or its service does by itself; nothing is sent.
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

/// Where a download should come from; chosen by the user, never switched silently.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct SourceView {
    pub kind: SourceKind,
    pub endpoint: String,
}
