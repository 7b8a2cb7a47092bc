//! Images and files of the clipboard, which a page cannot read itself.
//! Text is not here: the web view pastes it. Reading differs by system and is in `crate::clipboard`.
use std::path::Path;

use contract::{ErrorView, PastedFile};
use tauri::WebviewWindow;

use super::App;
use crate::clipboard::{Clipboard, read};

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

/// By the ending: what is in the file is checked when it is attached.
fn is_image(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    matches!(&*ending, "png" | "jpg" | "jpeg" | "webp" | "gif" | "bmp")
}
