//! Images on the system's clipboard, which WebKitGTK does not pass to the page: its paste events have no
//! files. Does not know what the images are used for.
use std::path::PathBuf;

use contract::ErrorView;
use tauri::WebviewWindow;

#[cfg(target_os = "linux")]
mod linux;

/// The contents of the clipboard besides text.
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
pub enum Clipboard {
    Nothing,
    /// The bytes of one image file.
    Image(Vec<u8>),
    /// The paths of files that were copied in a file manager.
    Files(Vec<PathBuf>),
}

/// Reads the clipboard.
///
/// # Errors
/// When the window is closing.
#[cfg(target_os = "linux")]
pub async fn read(window: &WebviewWindow) -> Result<Clipboard, ErrorView> {
    linux::read(window).await
}

/// Does nothing: the browser engines of Windows and macOS pass pasted images to the page.
#[cfg(not(target_os = "linux"))]
pub async fn read(_window: &WebviewWindow) -> Result<Clipboard, ErrorView> {
    Ok(Clipboard::Nothing)
}
