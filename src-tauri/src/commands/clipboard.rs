//! Images and image files of the clipboard, which a page cannot read itself.
//! Text is not here: the web view pastes it. Reading differs by system and is in `crate::clipboard`.
use contract::{ErrorView, PastedImage};
use tauri::WebviewWindow;

use super::App;
use crate::clipboard::{Clipboard, read};

/// Attaches the image or the copied image files of the clipboard. Each file is attached or refused on its
/// own.
#[tauri::command]
#[specta::specta]
pub async fn clipboard_images(window: WebviewWindow, app: App<'_>) -> Result<Vec<PastedImage>, ErrorView> {
    Ok(match read(&window).await? {
        Clipboard::Nothing => Vec::new(),
        Clipboard::Image(bytes) => vec![PastedImage::new(String::new(), app.picture_add_bytes(bytes).await)],
        Clipboard::Files(paths) => {
            let mut pasted = Vec::new();
            for path in paths {
                let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
                pasted.push(PastedImage::new(name, app.picture_add_file(&path).await));
            }
            pasted
        }
    })
}
