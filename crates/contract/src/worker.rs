//! The worker process: the loaded model, the progress of loading in bytes, and its memory.
//! At most one worker runs; a deployment has a view of its own.
use serde::{Deserialize, Serialize};
use specta::Type;

use crate::ErrorView;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct WorkerView {
    pub model_id: Option<String>,
    pub state: WorkerState,
    /// Bytes of weights that were read, while loading.
    pub loaded: f64,
    /// Total bytes of weights.
    pub total: f64,
    /// "CPU, 2 threads", or the name of a card: where the model runs.
    pub place: Option<String>,
    /// Bytes of the card's memory that the model takes.
    pub card_memory: Option<f64>,
    /// Why the model does not run on a card, where there is one.
    pub card_problem: Option<ErrorView>,
    /// Resident main memory of the worker process, in bytes.
    pub memory: Option<f64>,
    pub context_length: Option<u32>,
    pub error: Option<ErrorView>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum WorkerState {
    Stopped,
    Starting,
    Loading,
    Ready,
    Draining,
    Failed,
}
