//! The system's clipboard where WebKitGTK keeps it from the page: images, for its paste events have no files,
//! and text that nobody pastes. Does not know what they are used for.
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

/// The text of the clipboard; empty where it has none.
///
/// # Errors
/// When the window is closing.
#[cfg(target_os = "linux")]
pub async fn read_text(window: &WebviewWindow) -> Result<String, ErrorView> {
    linux::read_text(window).await
}

/// Empty: the browser engines of Windows and macOS let the page ask for it.
#[cfg(not(target_os = "linux"))]
pub async fn read_text(_window: &WebviewWindow) -> Result<String, ErrorView> {
    Ok(String::new())
}
