//! Commands of model downloads. Each answers at once; progress arrives as events.
//! The id of a download is `<model id>/<variant id>`.
use contract::{DownloadView, ErrorView, SourceKind};

use super::App;

#[tauri::command]
#[specta::specta]
pub async fn downloads(app: App<'_>) -> Result<Vec<DownloadView>, ErrorView> {
    app.downloads().await
}

#[tauri::command]
#[specta::specta]
pub async fn download_start(
    app: App<'_>,
    model_id: String,
    variant_id: String,
    source: SourceKind,
) -> Result<DownloadView, ErrorView> {
    app.download_start(&model_id, &variant_id, source).await
}

#[tauri::command]
#[specta::specta]
pub async fn download_pause(app: App<'_>, id: String) -> Result<(), ErrorView> {
    app.download_pause(&id).await
}

#[tauri::command]
#[specta::specta]
pub async fn download_resume(app: App<'_>, id: String) -> Result<(), ErrorView> {
    app.download_resume(&id).await
}

#[tauri::command]
#[specta::specta]
pub async fn download_remove(app: App<'_>, id: String) -> Result<(), ErrorView> {
    app.download_remove(&id).await
}
