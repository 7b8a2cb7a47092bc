//! The verdict for one variant on one computer as a value, and what it is made of on either device: the speed
//! of reading weights, and the main memory that may be used.
use hardware::Snapshot;

use crate::fit_reason::FitReason;
use crate::{KvDtype, ModelFacts, Variant};

/// Main memory reserved for other programs.
const RAM_RESERVE: u64 = 1 << 30;
/// Tokens per second of a reader; slower output is rated slow.
const READABLE: f64 = 5.0;

/// The requested variant, context length and concurrency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    pub variant: String,
    /// Requested context length in tokens, limited to the model's maximum.
    pub context: u32,
    /// Concurrent conversations.
    pub sequences: u32,
    pub kv: KvDtype,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    TooLarge,
    Slow,
    ShortContext,
    RunsWell,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ComputeDevice {
    None,
    Cpu,
    Gpu,
}

/// Sizes are in bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    pub variant_id: String,
    pub verdict: Verdict,
    pub device: ComputeDevice,
    /// The name of the card that it runs on.
    pub card: Option<String>,
    /// Context length per conversation.
    pub context: u32,
    pub weights: u64,
    pub kv: u64,
    pub overhead: u64,
    pub needed: u64,
    pub available: u64,
    /// Tokens per second; `None` if the bandwidth is unknown.
    pub speed_estimate: Option<f64>,
    pub reason: FitReason,
    /// Why it does not run on a card, where there is one that the engine uses.
    pub shortage: Option<CardShortage>,
}

/// A supported card that is too small for a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardShortage {
    pub card: String,
    /// Bytes.
    pub needed: u64,
    pub available: u64,
}

impl Fit {
    /// Runs nowhere.
    pub(crate) fn none(variant: &str) -> Self {
        Self {
            variant_id: variant.to_owned(),
            verdict: Verdict::TooLarge,
            device: ComputeDevice::None,
            card: None,
            context: 0,
            weights: 0,
            kv: 0,
            overhead: 0,
            needed: 0,
            available: 0,
            speed_estimate: None,
            reason: FitReason::NoFiles,
            shortage: None,
        }
    }
}

/// Whether a reader waits for an answer with so many tokens per second.
pub(crate) fn is_slow(speed: f64) -> bool {
    speed < READABLE
}

/// The main memory that an engine may use, independent of the model.
pub fn usable_ram(snapshot: &Snapshot) -> u64 {
    let most = snapshot.ram_available / 10 * 9;
    most - RAM_RESERVE.min(most / 4)
}

/// Tokens per second: decoding reads the active weights once per token.
pub(crate) fn speed(bytes_per_second: f64, model: &ModelFacts, variant: &Variant) -> f64 {
    let touched = variant.size as f64 * model.params_active as f64 / model.params_total as f64;
    bytes_per_second / touched
}
