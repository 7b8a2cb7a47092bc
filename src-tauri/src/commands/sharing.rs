//! Commands of the worker that is offered to other programs, and of its API keys.
//! A key is in the answer of the command that creates it and in no other.
use contract::{ErrorView, NewSharingKey, SharingRequest, SharingSpec, SharingView};

use super::App;

#[tauri::command]
#[specta::specta]
pub async fn sharing(app: App<'_>) -> Result<SharingView, ErrorView> {
    app.sharing().await
}

/// Stores the settings; a running worker is restarted with them.
#[tauri::command]
#[specta::specta]
pub async fn sharing_save(app: App<'_>, spec: SharingSpec) -> Result<SharingView, ErrorView> {
    app.sharing_save(spec).await
}

#[tauri::command]
#[specta::specta]
pub async fn sharing_key_add(
    app: App<'_>,
    name: String,
    days: Option<u32>,
) -> Result<NewSharingKey, ErrorView> {
    app.sharing_key_add(&name, days).await
}

#[tauri::command]
#[specta::specta]
pub async fn sharing_key_remove(app: App<'_>, id: String) -> Result<(), ErrorView> {
    app.sharing_key_remove(&id).await
}

/// The last requests of other programs, without the texts of prompts and answers.
#[tauri::command]
#[specta::specta]
pub async fn sharing_requests(app: App<'_>) -> Result<Vec<SharingRequest>, ErrorView> {
    app.sharing_requests().await
}
