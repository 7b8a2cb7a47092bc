//! Commands of the start: its result, the recoveries where it failed, and the backups of the chats.
//! They work while the chats cannot be opened; none of them deletes a file of chats.
use contract::{BackupView, BackupsView, ErrorCode, ErrorView, ShownPlace, StartView, StartWay};
use tauri_plugin_opener::OpenerExt;

use super::App;

#[tauri::command]
#[specta::specta]
pub async fn start_state(app: App<'_>) -> Result<StartView, ErrorView> {
    app.start_state().await
}

/// Runs a recovery after a failed start; a failed retry gives the new state.
#[tauri::command]
#[specta::specta]
pub async fn start_again(app: App<'_>, way: StartWay) -> Result<StartView, ErrorView> {
    app.start_again(way).await
}

/// Shows a file or folder of the app in the system's file manager.
#[tauri::command]
#[specta::specta]
pub async fn show_place(app: App<'_>, handle: tauri::AppHandle, place: ShownPlace) -> Result<(), ErrorView> {
    let path = app.location(place);
    // The folder of a file that does not exist yet.
    let shown = path.ancestors().find(|path| path.exists()).unwrap_or(&path);
    let opened = handle.opener().reveal_item_in_dir(shown);
    opened.map_err(|error| {
        ErrorView::new(ErrorCode::Internal, format!("open the file manager: {error}"))
            .with("path", path.display())
    })
}

#[tauri::command]
#[specta::specta]
pub async fn backups(app: App<'_>) -> Result<BackupsView, ErrorView> {
    app.backups().await
}

#[tauri::command]
#[specta::specta]
pub async fn backup_create(app: App<'_>) -> Result<BackupView, ErrorView> {
    app.backup_create().await
}

/// Replaces the chats with a backup; the replaced chats are kept as a backup.
#[tauri::command]
#[specta::specta]
pub async fn backup_restore(app: App<'_>, id: String) -> Result<BackupsView, ErrorView> {
    app.backup_restore(&id).await
}
