//! What the app pushes to every host, so that a window polls nothing.
//! An event that ends in `Changed` without data tells the host to read that list again.
use serde::{Deserialize, Serialize};
use specta::Type;

use crate::{DeploymentLine, DeploymentView, DownloadView, MetricsPoint, WorkerView};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AppEvent {
    WorkerChanged {
        worker: WorkerView,
    },
    DownloadChanged {
        download: DownloadView,
    },
    /// A model was added, changed or removed.
    ModelsChanged,
    ChatsChanged,
    /// An answer has ended, however it did.
    AnswerEnded {
        chat_id: String,
        /// Of the chat; empty where it is temporary.
        title: String,
        /// From the question on.
        seconds: f64,
        /// The model ended it by itself.
        complete: bool,
    },
    /// A link was opened: the page takes it with a command.
    LinkOpened,
    /// A backup was made, failed, or was restored.
    BackupsChanged,
    /// A cloud service was added, changed or removed.
    EndpointsChanged,
    /// A tool server was added, changed or removed, or its state changed.
    ToolsChanged,
    /// The settings of API access or its keys changed.
    SharingChanged,
    /// A deployment was added or removed, or its state changed.
    DeploymentsChanged,
    DeploymentChanged {
        deployment: Box<DeploymentView>,
    },
    DeploymentMeasured {
        id: String,
        point: MetricsPoint,
    },
    DeploymentSaid {
        id: String,
        lines: Vec<DeploymentLine>,
    },
}
