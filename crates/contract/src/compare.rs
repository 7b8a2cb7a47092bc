//! One prompt to two models side by side: the request, the events of each side, and its measurements.
//! Times are in milliseconds and prices per million tokens. Nothing of it is stored in the history.
use serde::{Deserialize, Serialize};
use specta::Type;

use crate::{ErrorView, SamplingView, WhenBusy};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct CompareRequest {
    pub text: String,
    pub system_prompt: String,
    /// As chats call them: a model of this computer, or `cloud:<endpoint>/<name>`.
    pub left: String,
    pub right: String,
    /// The values of both sides; what is advised for each when left out.
    pub sampling: Option<SamplingView>,
    pub when_busy: WhenBusy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    Left,
    Right,
}

/// Pieces are coalesced to 40 ms. Each side ends with `finished` or `failed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CompareEvent {
    /// The model is loaded and asked now; its times begin here.
    Asked {
        side: Side,
    },
    Delta {
        side: Side,
        text: String,
        reasoning: String,
    },
    Finished {
        side: Side,
        result: CompareResult,
    },
    /// What had arrived stays.
    Failed {
        side: Side,
        result: CompareResult,
        error: ErrorView,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct CompareResult {
    pub state: CompareState,
    /// Milliseconds from the question to the first word, thinking included; `None` when none came.
    pub first_token_ms: Option<f64>,
    /// Milliseconds from the question to the end.
    pub total_ms: f64,
    /// Tokens, as the side counted them; `None` where it did not.
    pub prompt_tokens: Option<u32>,
    pub completion_tokens: Option<u32>,
    pub cost: Option<CostView>,
    /// Why the file of prices could not be used.
    pub cost_problem: Option<ErrorView>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum CompareState {
    Done,
    /// Ended by a limit of tokens.
    Length,
    Stopped,
    Failed,
}

/// From the person's own file of prices, without the discounts of a service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct CostView {
    pub amount: f64,
    /// As the file writes it: "USD", "CNY".
    pub currency: String,
    /// Of a million tokens read, and written.
    pub input: f64,
    pub output: f64,
    /// When the price was looked up, and where.
    pub date: String,
    pub source: String,
}
