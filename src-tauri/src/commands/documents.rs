//! Commands of documents that are attached to messages or folders.
//! Each calls one use case of `app`.
use contract::{DocumentPageView, DocumentView, ErrorView, PictureView};

use super::App;

/// Attaches a document from base64, under the name of its file.
#[tauri::command]
#[specta::specta]
pub async fn document_add(app: App<'_>, name: String, data: String) -> Result<DocumentView, ErrorView> {
    app.document_add(name, data).await
}

/// A page of a document, counted from 1.
#[tauri::command]
#[specta::specta]
pub async fn document_page(app: App<'_>, id: String, page: u32) -> Result<DocumentPageView, ErrorView> {
    app.document_page(&id, page).await
}

/// Attaches pages of a PDF as images, for a model that sees.
#[tauri::command]
#[specta::specta]
pub async fn document_pictures(
    app: App<'_>,
    data: String,
    pages: Vec<u32>,
) -> Result<Vec<PictureView>, ErrorView> {
    app.document_pictures(data, pages).await
}

/// Deletes an attached document, unless a message or a folder uses it.
#[tauri::command]
#[specta::specta]
pub async fn document_discard(app: App<'_>, id: String) -> Result<(), ErrorView> {
    app.document_discard(&id).await
}
