//! Commands that take a screenshot. They use no use case, because only a desktop can take one.
//! The page attaches the result as it attaches a file.
use contract::{ErrorView, ScreenTaken, ScreenWay};

/// How this desktop takes a screenshot.
#[tauri::command]
#[specta::specta]
pub async fn screen_way() -> ScreenWay {
    crate::screen::way().await
}

/// Takes a screenshot; the page attaches it like a file.
#[tauri::command]
#[specta::specta]
pub async fn screen_take(window: tauri::WebviewWindow) -> Result<ScreenTaken, ErrorView> {
    crate::screen::take(&window).await
}
