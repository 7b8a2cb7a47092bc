//! The process that runs the model.
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
