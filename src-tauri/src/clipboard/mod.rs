//! Images on the system's clipboard, for a page whose browser engine does not hand them over: WebKitGTK gives a paste
//! event no files. What becomes of an image is not known here.
use std::path::PathBuf;

use contract::ErrorView;
use tauri::WebviewWindow;

#[cfg(target_os = "linux")]
mod linux;

/// What a paste brings besides text.
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
pub enum Clipboard {
    Nothing,
    /// The bytes of one image file.
    Image(Vec<u8>),
    /// Files that were copied in a file manager.
    Files(Vec<PathBuf>),
}

/// Reads it.
///
/// # Errors
/// The window is closing.
#[cfg(target_os = "linux")]
pub async fn read(window: &WebviewWindow) -> Result<Clipboard, ErrorView> {
    linux::read(window).await
}

/// The browser engines of Windows and macOS give the page what was pasted. Not run there.
#[cfg(not(target_os = "linux"))]
pub async fn read(_window: &WebviewWindow) -> Result<Clipboard, ErrorView> {
    Ok(Clipboard::Nothing)
}
