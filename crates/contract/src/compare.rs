//! One prompt to two models side by side: the request, the events of each side, and its measurements.
//! Times are in milliseconds and prices per million tokens. Nothing of it is stored in the history.
use serde::{Deserialize, Serialize};
use specta::Type;

use crate::{ErrorView, SamplingView, WhenBusy};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct CompareRequest {
    pub text: String,
    pub system_prompt: String,
    /// Model ids as in chats: a model of this computer, or `cloud:<endpoint>/<name>`.
    pub left: String,
    pub right: String,
    /// The sampling of both sides; the recommended one of each model by default.
    pub sampling: Option<SamplingView>,
    pub when_busy: WhenBusy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    Left,
    Right,
}

/// One event of a comparison. Text is gathered for 40 ms. Each side ends with `finished` or `failed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CompareEvent {
    /// The model is loaded and the prompt is sent; its times start here.
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
    /// Terminal: the text so far stays.
    Failed {
        side: Side,
        result: CompareResult,
        error: ErrorView,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct CompareResult {
    pub state: CompareState,
    /// Milliseconds from the request to the first token, thinking included; `None` without any token.
    pub first_token_ms: Option<f64>,
    /// Milliseconds from the request to the end.
    pub total_ms: f64,
    /// Tokens, as the server counted them; `None` where it did not.
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
    /// Ended by the token limit.
    Length,
    Stopped,
    Failed,
}

/// The cost by the user's file of prices, without the discounts of a service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct CostView {
    pub amount: f64,
    /// As in the file: "USD", "CNY".
    pub currency: String,
    /// The price of a million prompt tokens, and of a million completion tokens.
    pub input: f64,
    pub output: f64,
    /// The date and the source of the price.
    pub date: String,
    pub source: String,
}
