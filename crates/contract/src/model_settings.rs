//! How one model of this computer is run: what a person chose, what applies without a choice, and the memory
//! that follows from it, foreseen and measured. Bytes are `f64`.
use serde::{Deserialize, Serialize};
use specta::Type;

use crate::Localized;

/// What a person chose for a model; `None` is the default of [`ModelSettingsView::defaults`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Type)]
pub struct ModelSettings {
    /// Tokens of one conversation.
    pub context: Option<u32>,
    /// Conversations that are answered at once.
    pub sequences: Option<u32>,
    pub cache: Option<CacheKind>,
    pub place: Option<PlaceKind>,
    /// For `place = card`, as in the settings of the app.
    pub card: Option<u32>,
    /// Threads of the processor.
    pub threads: Option<u32>,
    /// Wider weights are quantized to this type while they are loaded.
    pub shrink: Option<ShrinkKind>,
    pub drafts: Option<bool>,
    /// The model is unloaded after so many minutes without a question; `None` keeps it loaded.
    pub unload_minutes: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum PlaceKind {
    /// On a card that holds the whole model, else on the processor.
    Auto,
    Cpu,
    /// On one card. A model that it does not hold does not start.
    Card,
}

/// How the KV cache is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum CacheKind {
    Bf16,
    Fp8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum ShrinkKind {
    Q8,
    Q6,
    Q4,
}

/// The settings of a model with their limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct ModelSettingsView {
    pub model_id: String,
    pub name: String,
    pub settings: ModelSettings,
    /// What applies without a choice.
    pub defaults: ModelSettings,
    pub context_max: u32,
    /// Tokens of a page of the cache.
    pub page_tokens: u32,
    pub sequences_max: u32,
    pub threads_max: u32,
    /// The supported NVIDIA cards, in the order of the hardware view.
    pub cards: Vec<String>,
    /// The weights have a type that can be quantized.
    pub can_shrink: bool,
    /// Earlier runs, the newest first.
    pub history: Vec<MemoryRecord>,
}

/// The memory that a model will take with given settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct MemoryForecast {
    pub context: u32,
    pub cache: CacheKind,
    /// The card that it will be on; `None` for main memory.
    pub card: Option<String>,
    pub parts: Vec<MemoryPart>,
    /// The sum of the parts.
    pub total: f64,
    pub available: f64,
    /// Why it does not fit, and what would.
    pub problem: Option<Localized>,
    /// The longest context that fits with the other settings; `None` when not even the shortest does.
    pub context_fits: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Type)]
pub struct MemoryPart {
    pub kind: MemoryPartKind,
    pub bytes: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum MemoryPartKind {
    Weights,
    Experts,
    Vision,
    Cache,
    /// Activations of the widest pass.
    Buffers,
    /// The worker itself, on a card the context of its driver.
    Program,
    /// What earlier runs with this place took more than was foreseen.
    Correction,
}

/// A run of a model: what was foreseen, and what it took at most.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct MemoryRecord {
    /// RFC 3339.
    pub at: String,
    pub context: u32,
    pub sequences: u32,
    pub cache: CacheKind,
    pub card: Option<String>,
    pub foreseen: f64,
    pub measured: f64,
}

/// The memory of the worker now, by part, beside what was foreseen when it started. Bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct WorkerMemory {
    pub total: MemoryMeasure,
    pub parts: Vec<MemoryPartMeasure>,
    pub cache: CacheUse,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Type)]
pub struct MemoryPartMeasure {
    pub kind: MemoryPartKind,
    pub foreseen: f64,
    pub measured: f64,
}

/// The pages of the KV cache.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct CacheUse {
    pub kind: CacheKind,
    /// In all.
    pub pages: u32,
    /// Of answers that run.
    pub pages_used: u32,
    /// Kept for later questions; freed when a running answer needs them.
    pub pages_kept: u32,
    pub page_tokens: u32,
    pub page_bytes: f64,
    /// What a page takes as bf16.
    pub page_bytes_bf16: f64,
    /// Of each answer that runs.
    pub sequences: Vec<SequenceUse>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct SequenceUse {
    pub tokens: u32,
    pub pages: u32,
}

/// The memory of the worker now, beside what was foreseen when it started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct MemoryMeasure {
    pub foreseen: f64,
    /// With pages of the cache that were never written counted as full.
    pub measured: f64,
    /// Of the pages of the cache, those that hold tokens.
    pub pages: u32,
    pub pages_used: u32,
}
