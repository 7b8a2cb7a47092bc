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
    /// A model became visible or vanished.
    ModelsChanged,
    ChatsChanged,
    /// A backup was made or could not be made, or one was put back.
    BackupsChanged,
    /// A cloud service was added, changed or removed.
    EndpointsChanged,
    /// How the worker is offered to other programs, or their keys.
    SharingChanged,
    /// A deployment came, went or changed its state.
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
