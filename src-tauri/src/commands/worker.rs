//! Commands of the worker: the process that runs a model of this computer.
//! A question starts it by itself; these are for the page that shows and stops it.
use contract::{ErrorView, WorkerView};

use super::App;

#[tauri::command]
#[specta::specta]
pub async fn worker(app: App<'_>) -> Result<WorkerView, ErrorView> {
    app.worker().await
}

#[tauri::command]
#[specta::specta]
pub async fn worker_start(app: App<'_>, model_id: String) -> Result<WorkerView, ErrorView> {
    app.worker_start(&model_id).await
}

#[tauri::command]
#[specta::specta]
pub async fn worker_stop(app: App<'_>) -> Result<(), ErrorView> {
    app.worker_stop().await
}
