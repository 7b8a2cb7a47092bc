//! Deployments: what is to run on which hosts, its state, its metrics and its log lines.
//! Shares are from 0 to 1. The state machine itself is in `deploy`.
use serde::{Deserialize, Serialize};
use specta::Type;

use crate::{ErrorView, PlanWish, SamplingView};

/// A request for a deployment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct DeploymentSpec {
    /// Empty for the model's own name.
    pub name: String,
    pub wish: PlanWish,
    /// `here`, or an ssh destination. The first host serves the requests.
    pub machines: Vec<String>,
    /// Listens on the network, instead of on loopback behind ssh.
    pub open: bool,
    /// The address of the first host for the others and, if `open`, for this computer. Empty for the address
    /// of ssh.
    pub address: String,
    /// Shell commands before the engine starts, such as `. venv/bin/activate`.
    pub first: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct DeploymentView {
    pub id: String,
    pub name: String,
    /// The model id of chats: `deployment:<id>`.
    pub chat_model: String,
    pub model_id: String,
    pub model_name: String,
    pub engine: String,
    pub precision: String,
    /// "2x8xH100-80G".
    pub cards: String,
    /// The context length of one conversation, in tokens.
    pub context: u32,
    pub sequences: u32,
    /// `here` or ssh destinations, in order.
    pub machines: Vec<String>,
    pub open: bool,
    /// The API key, if it is open to the network.
    pub key: Option<String>,
    /// Its address from this computer, while it is reachable.
    pub address: Option<String>,
    pub state: DeploymentState,
    /// Seconds until the next start, in state `waiting`.
    pub wait: Option<u32>,
    /// The number of failed starts in a row.
    pub tries: u32,
    /// Why it failed or is started again.
    pub error: Option<ErrorView>,
    /// Why the hosts cannot be reached now; its processes keep running.
    pub lost: Option<ErrorView>,
    /// The sampling of a new chat.
    pub recommended: SamplingView,
    /// RFC 3339.
    pub created_at: String,
    /// The metrics of the last minutes, the oldest first.
    pub points: Vec<MetricsPoint>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentState {
    Stopped,
    /// Started before this program, and not reattached yet.
    Finding,
    Starting,
    /// Its processes run and do not serve yet.
    Loading,
    Ready,
    /// It ended unexpectedly and is started again after a pause.
    Waiting,
    Draining,
    Failed,
}

/// One sample of the metrics. A value that the engine does not export is absent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Type)]
pub struct MetricsPoint {
    pub tokens_per_second: Option<f64>,
    pub running: Option<f64>,
    pub waiting: Option<f64>,
    /// The used share of the KV cache, 0 to 1.
    pub cache: Option<f64>,
    /// The acceptance rate of drafted tokens, 0 to 1.
    pub accepted: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct DeploymentLine {
    /// Increases from line to line.
    pub number: u32,
    /// The index of the host.
    pub machine: u32,
    pub text: String,
}

/// An engine that is installed on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct EngineView {
    /// `sglang`, `vllm`, `ollama`, `llama-server`.
    pub name: String,
    /// As the engine reports it.
    pub version: Option<String>,
    /// The version that plans are made for, if it is another one: flags may differ.
    pub expected: Option<String>,
}

/// How to install an engine on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct InstallView {
    /// The engine's name, as in [`EngineView`].
    pub name: String,
    /// A shell command for the host.
    pub command: String,
    /// Shell commands that a deployment then needs before the engine starts; may be empty.
    pub first: String,
}

/// The engines and GPUs of a host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct MachineView {
    pub name: String,
    /// Such as "Linux x86_64".
    pub system: String,
    /// The installed engines.
    pub engines: Vec<EngineView>,
    /// How to install the others.
    pub missing: Vec<InstallView>,
    /// Their names from NVIDIA's driver.
    pub gpus: Vec<String>,
    /// In the form of plans, such as "8xH100-80G"; absent when the GPUs are not known or differ.
    pub cards: Option<String>,
}
