//! Commands of folders of chats and of their documents.
//! Each calls one use case of `app`.
use contract::{ErrorView, Folder};

use super::App;

#[tauri::command]
#[specta::specta]
pub async fn folders(app: App<'_>) -> Result<Vec<Folder>, ErrorView> {
    app.folders().await
}

#[tauri::command]
#[specta::specta]
pub async fn folder_create(app: App<'_>, name: String, instructions: String) -> Result<Folder, ErrorView> {
    app.folder_create(&name, &instructions).await
}

#[tauri::command]
#[specta::specta]
pub async fn folder_change(
    app: App<'_>,
    id: String,
    name: String,
    instructions: String,
) -> Result<Folder, ErrorView> {
    app.folder_change(&id, &name, &instructions).await
}

/// Deletes a folder; its chats stay, without a folder, or are deleted too.
#[tauri::command]
#[specta::specta]
pub async fn folder_delete(app: App<'_>, id: String, with_chats: bool) -> Result<(), ErrorView> {
    app.folder_delete(&id, with_chats).await
}

/// Adds an attached document to a folder, for all its chats.
#[tauri::command]
#[specta::specta]
pub async fn folder_document_add(app: App<'_>, id: String, document_id: String) -> Result<Folder, ErrorView> {
    app.folder_document_add(&id, &document_id).await
}

/// Takes a document out of a folder. It is deleted unless a message or another folder uses it.
#[tauri::command]
#[specta::specta]
pub async fn folder_document_remove(
    app: App<'_>,
    id: String,
    document_id: String,
) -> Result<Folder, ErrorView> {
    app.folder_document_remove(&id, &document_id).await
}
