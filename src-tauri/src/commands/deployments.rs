//! Commands of deployments: engines on this computer and on others over ssh.
//! The state of a running one arrives as an event; closing the window does not stop it.
use contract::{DeploymentLine, DeploymentSpec, DeploymentView, ErrorView, MachineView, PlanOutcome};

use super::App;

#[tauri::command]
#[specta::specta]
pub async fn deployments(app: App<'_>) -> Result<Vec<DeploymentView>, ErrorView> {
    app.deployments().await
}

#[tauri::command]
#[specta::specta]
pub async fn deployment_plan(app: App<'_>, spec: DeploymentSpec) -> Result<PlanOutcome, ErrorView> {
    app.deployment_plan(spec).await
}

#[tauri::command]
#[specta::specta]
pub async fn deployment_start(app: App<'_>, spec: DeploymentSpec) -> Result<DeploymentView, ErrorView> {
    app.deployment_start(spec).await
}

/// Starts a deployment again that was stopped or failed.
#[tauri::command]
#[specta::specta]
pub async fn deployment_restart(app: App<'_>, id: String) -> Result<DeploymentView, ErrorView> {
    app.deployment_restart(&id).await
}

#[tauri::command]
#[specta::specta]
pub async fn deployment_stop(app: App<'_>, id: String) -> Result<DeploymentView, ErrorView> {
    app.deployment_stop(&id).await
}

#[tauri::command]
#[specta::specta]
pub async fn deployment_remove(app: App<'_>, id: String) -> Result<(), ErrorView> {
    app.deployment_remove(&id).await
}

#[tauri::command]
#[specta::specta]
pub async fn deployment_log(app: App<'_>, id: String) -> Result<Vec<DeploymentLine>, ErrorView> {
    app.deployment_log(&id).await
}

/// Probes a host for engines and GPUs.
#[tauri::command]
#[specta::specta]
pub async fn machine_look(app: App<'_>, machine: String, first: String) -> Result<MachineView, ErrorView> {
    app.machine_look(&machine, &first).await
}
