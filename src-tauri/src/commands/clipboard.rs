//! What of the clipboard a page cannot read itself: images and files, and text that nobody pastes.
//! Reading differs by system and is in `crate::clipboard`.
use std::path::Path;

use contract::{ErrorView, PastedFile};
use tauri::WebviewWindow;

use super::App;
use crate::clipboard::{Clipboard, read, read_text};

/// Attaches the image or the copied files of the clipboard: images as images, all others as documents. Each
/// file is attached or refused on its own.
#[tauri::command]
#[specta::specta]
pub async fn clipboard_files(window: WebviewWindow, app: App<'_>) -> Result<Vec<PastedFile>, ErrorView> {
    Ok(match read(&window).await? {
        Clipboard::Nothing => Vec::new(),
        Clipboard::Image(bytes) => vec![PastedFile::image(String::new(), app.picture_add_bytes(bytes).await)],
        Clipboard::Files(paths) => {
            let mut pasted = Vec::new();
            for path in paths {
                let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
                pasted.push(if is_image(&path) {
                    PastedFile::image(name, app.picture_add_file(&path).await)
                } else {
                    PastedFile::document(name, app.document_add_file(&path).await)
                });
            }
            pasted
        }
    })
}

/// The text of the clipboard; empty where it has none, and where the page can ask for it itself.
#[tauri::command]
#[specta::specta]
pub async fn clipboard_text(window: WebviewWindow) -> Result<String, ErrorView> {
    read_text(&window).await
}

/// By the ending: what is in the file is checked when it is attached.
fn is_image(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    matches!(&*ending, "png" | "jpg" | "jpeg" | "webp" | "gif" | "bmp")
}
