//! The catalogue, the recommendation and the presets.
use contract::{ErrorView, ModelView, PresetView, RecommendationView};

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

#[tauri::command]
#[specta::specta]
pub async fn model_remove(app: App<'_>, model_id: String) -> Result<(), ErrorView> {
    app.model_remove(&model_id).await
}
