//! The persistent record of a deployment: the plan, the hosts and the processes on them. It is enough to
//! reattach to the deployment, to restart it and to stop it. Knows no file: the app stores records.
use serde::{Deserialize, Serialize};

use super::Host;
use plan::render::{Format, render};
use plan::{Engine, Plan};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub id: String,
    pub name: String,
    pub engine: String,
    /// Version of the engine on the first host, where it reports one.
    #[serde(default)]
    pub engine_version: Option<String>,
    pub model_id: String,
    pub model_name: String,
    pub precision: String,
    /// Tokens per sequence.
    pub context: u32,
    pub sequences: u32,
    /// The label of the inventory, such as "2x8xH100-80G".
    #[serde(rename = "cards")]
    pub gpus: String,
    pub port: u16,
    /// Path of the health check.
    pub health: String,
    #[serde(rename = "reach")]
    pub exposure: Exposure,
    /// Whether clients must send an API key. Records of earlier versions have no such field and no key.
    #[serde(default, rename = "keyed")]
    pub requires_key: bool,
    /// Set by the app, which derives it; never stored.
    #[serde(skip)]
    pub key: Option<String>,
    /// Shell lines that run before the engine.
    #[serde(rename = "first")]
    pub setup: String,
    /// Address at which the other hosts reach the first.
    pub leader: String,
    /// In the order of their ranks.
    pub nodes: Vec<Node>,
    /// RFC 3339.
    pub created_at: String,
}

/// How clients reach the port of the first host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exposure {
    /// Bound to loopback: reachable on that host, and from here through an ssh tunnel.
    Private,
    /// Open to the network, at this host name or address.
    Open(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    #[serde(rename = "machine")]
    pub host: Host,
    /// The rendered shell script of the plan for this host.
    pub script: String,
    /// The process that was started, until it is stopped.
    pub process: Option<Process>,
}

/// A process, identified across reboots and reused pids. The pid is also its session id and process group id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    pub pid: u32,
    /// Start time in clock ticks since boot.
    #[serde(rename = "started")]
    pub start_ticks: u64,
    #[serde(rename = "boot")]
    pub boot_id: String,
}

/// Where a plan is to be launched.
#[derive(Debug, Clone)]
pub struct LaunchTarget {
    pub hosts: Vec<Host>,
    pub exposure: Exposure,
    pub setup: String,
    pub leader: String,
}

impl Record {
    /// The record of a plan on the hosts of `target`.
    pub fn new(id: String, name: String, created_at: String, plan: &Plan, target: LaunchTarget) -> Self {
        let scripts = render(plan, Format::Shell).unwrap_or_default();
        let nodes = target.hosts.into_iter().zip(scripts);
        Self {
            id,
            name,
            engine: plan.engine.name().to_owned(),
            engine_version: None,
            model_id: plan.model_id.clone(),
            model_name: plan.model_name.clone(),
            precision: plan.precision.clone(),
            context: plan.context,
            sequences: plan.sequences,
            gpus: plan.inventory.label(),
            port: plan.port,
            health: plan.health.to_owned(),
            exposure: target.exposure,
            requires_key: plan.requires_key(),
            key: None,
            setup: target.setup,
            leader: target.leader,
            nodes: nodes.map(|(host, file)| Node { host, script: file.text, process: None }).collect(),
            created_at,
        }
    }

    pub fn engine(&self) -> Option<Engine> {
        Engine::from_name(&self.engine)
    }

    /// Id of one node: the name of its folder on the host, and the value of the environment variable that
    /// marks its processes.
    pub fn node_id(&self, rank: usize) -> String {
        format!("{}-{rank}", self.id)
    }

    /// Whether processes were started that may still run.
    pub fn has_processes(&self) -> bool {
        self.nodes.iter().any(|node| node.process.is_some())
    }
}

impl Process {
    /// Parses the output of start.sh.
    pub(crate) fn parse(output: &str) -> Option<Self> {
        let mut fields = output.lines().last()?.split_ascii_whitespace();
        fields.next().filter(|word| matches!(*word, "started" | "running"))?;
        let (pid, start_ticks) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        Some(Self { pid, start_ticks, boot_id: fields.next()?.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_as_the_script_says_it() {
        let process = Process { pid: 12, start_ticks: 345, boot_id: "b-1".into() };
        assert_eq!(Process::parse("noise\nstarted 12 345 b-1\n"), Some(process.clone()));
        assert_eq!(Process::parse("running 12 345 b-1"), Some(process));
        for odd in ["", "stuck", "started 12 345", "started x 1 b"] {
            assert_eq!(Process::parse(odd), None, "{odd}");
        }
    }
}
