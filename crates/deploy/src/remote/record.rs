//! What is known of a deployment beyond the run of this program: what was planned, where it was started, and
//! which processes those are. Enough to find it again, to start it again and to stop it. Knows no file.
use serde::{Deserialize, Serialize};

use super::Machine;
use crate::plan::{Engine, Plan};
use crate::render::{Format, render};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub id: String,
    pub name: String,
    pub engine: String,
    /// Of the program that was found on the first machine, where it says one.
    #[serde(default)]
    pub engine_version: Option<String>,
    pub model_id: String,
    pub model_name: String,
    pub precision: String,
    /// Tokens of one conversation.
    pub context: u32,
    pub sequences: u32,
    pub cards: String,
    pub port: u16,
    /// Path that answers when the engine serves.
    pub health: String,
    pub reach: Reach,
    /// Whether callers must show a key. Open deployments of versions before this have none.
    #[serde(default)]
    pub keyed: bool,
    /// Filled in by whoever knows it, and never written down.
    #[serde(skip)]
    pub key: Option<String>,
    /// Lines for the shell before the engine starts.
    pub first: String,
    /// Address at which the machines find the first one.
    pub leader: String,
    /// The first machine comes first.
    pub nodes: Vec<Node>,
    /// RFC 3339.
    pub created_at: String,
}

/// How this computer reaches the port of the first machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// On this computer, or through ssh; nobody else can.
    Private,
    /// At this host, like everybody else in its network.
    Open(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    pub machine: Machine,
    /// What its shell runs.
    pub script: String,
    /// The process that was started, while nobody stopped it.
    pub process: Option<Process>,
}

/// One process of one boot of a machine. Its number is that of its session and group, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    pub pid: u32,
    /// Ticks after the boot.
    pub started: u64,
    pub boot: String,
}

/// Where and how, beside the plan.
#[derive(Debug, Clone)]
pub struct Place {
    pub machines: Vec<Machine>,
    pub reach: Reach,
    pub first: String,
    pub leader: String,
}

impl Record {
    /// A plan for as many machines as are named.
    pub fn new(id: String, name: String, created_at: String, plan: &Plan, place: Place) -> Self {
        let scripts = render(plan, Format::Shell).unwrap_or_default();
        let nodes = place.machines.into_iter().zip(scripts);
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
            cards: plan.inventory.label(),
            port: plan.port,
            health: plan.health.to_owned(),
            reach: place.reach,
            keyed: plan.requires_key(),
            key: None,
            first: place.first,
            leader: place.leader,
            nodes: nodes.map(|(machine, file)| Node { machine, script: file.text, process: None }).collect(),
            created_at,
        }
    }

    pub fn engine(&self) -> Option<Engine> {
        Engine::from_name(&self.engine)
    }

    /// Names the part of one machine there: its folder, and the mark on its processes.
    pub fn part(&self, rank: usize) -> String {
        format!("{}-{rank}", self.id)
    }

    /// Whether something of it may run.
    pub fn started(&self) -> bool {
        self.nodes.iter().any(|node| node.process.is_some())
    }
}

impl Process {
    /// As start.sh says it.
    pub(crate) fn read(said: &str) -> Option<Self> {
        let mut words = said.lines().last()?.split_ascii_whitespace();
        words.next().filter(|word| matches!(*word, "started" | "running"))?;
        let (pid, started) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some(Self { pid, started, boot: words.next()?.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_as_the_script_says_it() {
        let process = Process { pid: 12, started: 345, boot: "b-1".into() };
        assert_eq!(Process::read("noise\nstarted 12 345 b-1\n"), Some(process.clone()));
        assert_eq!(Process::read("running 12 345 b-1"), Some(process));
        for odd in ["", "stuck", "started 12 345", "started x 1 b"] {
            assert_eq!(Process::read(odd), None, "{odd}");
        }
    }
}
