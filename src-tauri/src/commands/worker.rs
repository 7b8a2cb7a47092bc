//! Commands of the worker, the process that runs a model of this computer, and of how it runs one.
//! A question starts it by itself; these are for the pages that show and stop it.
use contract::{ErrorView, MemoryForecast, ModelSettings, ModelSettingsView, WorkerMemory, WorkerView};

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

/// After a card was lost: models are on the processor until the app ends.
#[tauri::command]
#[specta::specta]
pub async fn use_processor(app: App<'_>) -> Result<(), ErrorView> {
    app.use_processor().await
}

/// What the worker takes of memory; null while no model is loaded.
#[tauri::command]
#[specta::specta]
pub async fn worker_memory(app: App<'_>) -> Result<Option<WorkerMemory>, ErrorView> {
    app.worker_memory().await
}

#[tauri::command]
#[specta::specta]
pub async fn model_settings(app: App<'_>, model_id: String) -> Result<ModelSettingsView, ErrorView> {
    app.model_settings(&model_id).await
}

/// The memory that a model will take with these settings, which are not stored.
#[tauri::command]
#[specta::specta]
pub async fn model_memory(
    app: App<'_>,
    model_id: String,
    settings: ModelSettings,
) -> Result<MemoryForecast, ErrorView> {
    app.model_memory(&model_id, settings).await
}

/// Stores the settings of a model, which apply from its next start on. Settings that do not fit are refused.
#[tauri::command]
#[specta::specta]
pub async fn model_settings_save(
    app: App<'_>,
    model_id: String,
    settings: ModelSettings,
) -> Result<ModelSettingsView, ErrorView> {
    app.model_settings_save(&model_id, settings).await
}
