//! Commands of the catalogue, the recommendation, the presets and the user's own model files.
//! An import copies nothing, and only a download can be deleted from the disk.
use contract::{ErrorView, ModelView, OtherProgramModel, PresetView, RecommendationView};

use super::App;

#[tauri::command]
#[specta::specta]
pub async fn models(app: App<'_>) -> Result<Vec<ModelView>, ErrorView> {
    app.models().await
}

#[tauri::command]
#[specta::specta]
pub async fn recommendation(app: App<'_>) -> Result<RecommendationView, ErrorView> {
    app.recommendation().await
}

#[tauri::command]
#[specta::specta]
pub async fn presets(app: App<'_>) -> Result<Vec<PresetView>, ErrorView> {
    app.presets().await
}

/// The models in the folders of other programs on this computer. `model_import` adds one.
#[tauri::command]
#[specta::specta]
pub async fn models_found(app: App<'_>) -> Result<Vec<OtherProgramModel>, ErrorView> {
    app.models_found().await
}

/// Imports a model from a folder with `config.json` or from a `.gguf` file. Copies no file.
#[tauri::command]
#[specta::specta]
pub async fn model_import(app: App<'_>, path: String) -> Result<ModelView, ErrorView> {
    app.model_import(std::path::Path::new(&path)).await
}

/// Deletes one precision of a downloaded model, which must be named when there are several. An imported model
/// is only removed from the list; its files stay.
#[tauri::command]
#[specta::specta]
pub async fn model_remove(
    app: App<'_>,
    model_id: String,
    variant_id: Option<String>,
) -> Result<(), ErrorView> {
    app.model_remove(&model_id, variant_id.as_deref()).await
}

/// Selects the precision of a model that its chats use from the next answer on.
#[tauri::command]
#[specta::specta]
pub async fn precision_use(app: App<'_>, model_id: String, variant_id: String) -> Result<(), ErrorView> {
    app.precision_use(&model_id, &variant_id).await
}
