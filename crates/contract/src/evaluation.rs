//! An evaluation: a test set put to a model without and with a preset, over several seeds, and what the
//! scores say about the claim that is made for the preset. Scores and shares are from 0 to 1. Nothing of it
//! is stored.
use serde::{Deserialize, Serialize};
use specta::Type;

use crate::{ErrorView, WhenBusy};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct EvaluationRequest {
    /// As in chats: a model of this computer, `cloud:<endpoint>/<name>` or `deployment:<id>`.
    pub model_id: String,
    pub set: EvaluationSet,
    /// The preset that the set is for by default. A claim is made for that one only.
    pub preset_id: Option<String>,
    /// How often each prompt is asked without and how often with the preset, from 1 to 20.
    pub seeds: u32,
    /// Only so many of the set, from its first; all by default.
    pub prompts: Option<u32>,
    /// The most tokens of an answer, thinking included, from 1 to 8192; 512 by default.
    pub max_tokens: Option<u32>,
    pub when_busy: WhenBusy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum EvaluationSet {
    /// 60 questions with a short answer.
    Factual,
    /// 20 prompts for stories and ideas.
    Creative,
    /// 20 small programs in JavaScript.
    Code,
}

/// One event of an evaluation. It ends with `finished`, `stopped` or `failed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EvaluationEvent {
    /// After each answer, and before the first once the model is ready.
    Progress {
        done: u32,
        total: u32,
    },
    Finished {
        result: EvaluationResult,
    },
    Stopped,
    Failed {
        error: ErrorView,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct EvaluationResult {
    pub model_id: String,
    pub set: EvaluationSet,
    pub preset_id: String,
    pub seeds: u32,
    pub prompts: u32,
    pub max_tokens: u32,
    /// The answers that reached the most tokens, of all.
    pub cut: u32,
    pub scores: Vec<EvaluationScore>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct EvaluationScore {
    pub measure: EvaluationMeasure,
    /// At temperature 1 and top_p 1, without penalties.
    pub without: ScoreSpread,
    pub with: ScoreSpread,
    /// With the preset less without it.
    pub difference: f64,
    /// The 95 % interval of the difference over the seeds; `None` with one seed.
    pub interval: Option<ScoreInterval>,
    /// The difference as a share of the score without the preset; `None` where that is 0.
    pub relative: Option<f64>,
    pub relative_interval: Option<ScoreInterval>,
    /// The claimed value of `relative`; `None` where nothing is claimed.
    pub claim: Option<f64>,
    pub verdict: Option<ClaimVerdict>,
    /// Why a claim cannot be confirmed.
    pub reason: Option<UnconfirmedReason>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum EvaluationMeasure {
    /// The share of questions whose answer is right.
    Right,
    /// Li et al. 2016: different words by all words of the answers.
    Distinct1,
    /// Different pairs of words by all words.
    Distinct2,
    /// The share of programs that pass all of their tests.
    Passed,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct ScoreSpread {
    /// By seed.
    pub values: Vec<f64>,
    pub mean: f64,
    /// The standard deviation over the seeds; 0 with one seed.
    pub deviation: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Type)]
pub struct ScoreInterval {
    pub low: f64,
    pub high: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum ClaimVerdict {
    Agrees,
    Disagrees,
    CannotBeConfirmed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum UnconfirmedReason {
    /// One seed has no spread.
    OneSeed,
    /// The score without the preset is 0.
    NoBaseline,
    /// The claimed score would be above 100 %.
    Ceiling,
    /// The interval has both no effect and the claimed one.
    Spread,
}
