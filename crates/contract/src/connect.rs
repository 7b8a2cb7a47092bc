//! Other programs that use the API of this app: what has to change in their settings, and what is left to do
//! by hand. A key is in the answer of the command that connects a program and in no other.
use serde::{Deserialize, Serialize};
use specta::Type;

/// A program, and whether its settings name this app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ConnectProgram {
    pub id: String,
    /// As its maker writes it.
    pub name: String,
    /// Obsidian keeps its settings in a vault, whose folder must be named.
    pub needs_vault: bool,
    /// `None` where it is not connected, or its settings cannot tell.
    pub connected: Option<ConnectedProgram>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ConnectedProgram {
    /// The file with the settings.
    pub path: String,
    /// The address that they name.
    pub address: String,
    /// The model, where it is the one that the program uses by itself.
    pub model: Option<String>,
}

/// Which program, with which model of this computer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ConnectRequest {
    pub program_id: String,
    pub model_id: String,
    /// The folder of an Obsidian vault; `None` for other programs.
    pub vault: Option<String>,
}

/// What would change. Nothing is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ConnectPlan {
    /// The file; `None` where all is done by hand.
    pub path: Option<String>,
    /// The difference with keys as dots; empty where nothing would change.
    pub lines: Vec<ConnectLine>,
    /// Of the file as it is now. It is sent back with the order to write.
    pub digest: String,
    /// Without the key, which is made when the program is connected.
    pub steps: Vec<ConnectStep>,
    /// A web origin that the API must allow.
    pub origin: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ConnectLine {
    pub kind: ConnectLineKind,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum ConnectLineKind {
    Same,
    Added,
    Removed,
    /// Lines that stay and are not shown.
    Gap,
}

/// One thing that a person does. Values are those of the program and are typed as they are.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ConnectStep {
    Install {
        name: String,
    },
    /// In a terminal, where it was installed as a container.
    RunDocker {
        command: String,
    },
    /// The same where it was installed with pip.
    RunPip {
        command: String,
    },
    Variable {
        name: String,
        value: String,
    },
    /// From label to label.
    Open {
        labels: Vec<String>,
    },
    EnterAddress {
        value: String,
    },
    EnterKey {
        value: String,
    },
    EnterName {
        value: String,
    },
    EnterModel {
        value: String,
    },
    ChooseModel {
        model: String,
    },
    Restart,
}

impl std::fmt::Debug for ConnectStep {
    /// Omits the values: one is a key, and debug output ends up in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ConnectStep(hidden)")
    }
}

/// A program that was connected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ConnectDone {
    /// The file that was written.
    pub path: Option<String>,
    /// What is left, with the key where it must be entered.
    pub steps: Vec<ConnectStep>,
}

/// What was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ConnectUndone {
    pub path: String,
    /// The file had only our settings and is gone.
    pub deleted: bool,
    /// Settings that were changed since, which stay.
    pub kept: Vec<String>,
}
