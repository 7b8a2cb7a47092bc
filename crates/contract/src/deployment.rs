//! Deployments: what is to run on which hosts, its state, its metrics and its log lines.
//! Shares are from 0 to 1. The state machine itself is in `deploy`.
use serde::{Deserialize, Serialize};
use specta::Type;

use crate::{ErrorView, PlanWish, SamplingView};

/// What a person wants to run, and on which machines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct DeploymentSpec {
    /// Empty for the model's own name.
    pub name: String,
    pub wish: PlanWish,
    /// `here`, or what is typed after `ssh`. The first one is where it answers.
    pub machines: Vec<String>,
    /// Open to the network at its own address, instead of private behind ssh.
    pub open: bool,
    /// Address of the first machine for the others and, where it is open, for this computer; as ssh knows it when empty.
    pub address: String,
    /// Lines for the shell before the engine starts, such as `. venv/bin/activate`.
    pub first: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct DeploymentView {
    pub id: String,
    pub name: String,
    /// What chats call it: `deployment:<id>`.
    pub chat_model: String,
    pub model_id: String,
    pub model_name: String,
    pub engine: String,
    pub precision: String,
    /// "2x8xH100-80G".
    pub cards: String,
    /// Tokens of one conversation.
    pub context: u32,
    pub sequences: u32,
    /// `here` or names of ssh, the first one first.
    pub machines: Vec<String>,
    pub open: bool,
    /// What other programs show to use it, where it is open.
    pub key: Option<String>,
    /// Where it answers from this computer, while it is seen.
    pub address: Option<String>,
    pub state: DeploymentState,
    /// Seconds until it is started again, in state `waiting`.
    pub wait: Option<u32>,
    /// Starts in a row that did not come to a steady service.
    pub tries: u32,
    /// Why it failed, or why it is started again.
    pub error: Option<ErrorView>,
    /// Why it cannot be seen just now; what runs goes on.
    pub lost: Option<ErrorView>,
    /// The style of a new chat.
    pub recommended: SamplingView,
    /// RFC 3339.
    pub created_at: String,
    /// The last minutes, the oldest first.
    pub points: Vec<MetricsPoint>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentState {
    Stopped,
    /// It was started before this program was, and is being looked for.
    Finding,
    Starting,
    /// It runs and does not serve yet.
    Loading,
    Ready,
    /// It ended unasked and is started again after a while.
    Waiting,
    Draining,
    Failed,
}

/// One moment. What the engine does not tell is absent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Type)]
pub struct MetricsPoint {
    pub tokens_per_second: Option<f64>,
    pub running: Option<f64>,
    pub waiting: Option<f64>,
    /// Share of the cache in use, 0 to 1.
    pub cache: Option<f64>,
    /// Share of drafted tokens that were taken, 0 to 1.
    pub accepted: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct DeploymentLine {
    /// Goes up from line to line.
    pub number: u32,
    /// Which of the machines said it, from 0.
    pub machine: u32,
    pub text: String,
}

/// An engine that is installed on a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct EngineView {
    /// `sglang`, `vllm`, `ollama`, `llama-server`.
    pub name: String,
    /// As it says itself.
    pub version: Option<String>,
    /// The version that plans were read against, where this is another one: flags may differ.
    pub expected: Option<String>,
}

/// How an engine gets onto a machine that lacks it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct InstallView {
    /// As in [`EngineView`].
    pub name: String,
    /// For a shell there.
    pub command: String,
    /// What a deployment then needs before the engine starts; empty where nothing.
    pub first: String,
}

/// What a machine has for an engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct MachineView {
    pub name: String,
    /// Such as "Linux x86_64".
    pub system: String,
    /// Installed there.
    pub engines: Vec<EngineView>,
    /// Of those that are not.
    pub missing: Vec<InstallView>,
    /// As NVIDIA's driver names them.
    pub gpus: Vec<String>,
    /// As plans name them, such as "8xH100-80G"; absent where the cards are not known, or not equal.
    pub cards: Option<String>,
}
