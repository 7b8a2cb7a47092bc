//! Pictures of the screen, which only a desktop can take.
use contract::{ErrorView, ScreenTaken, ScreenWay};

/// How a picture of the screen is taken here.
#[tauri::command]
#[specta::specta]
pub async fn screen_way() -> ScreenWay {
    crate::screen::way().await
}

/// Takes a picture of the screen; the page attaches it like a file.
#[tauri::command]
#[specta::specta]
pub async fn screen_take(window: tauri::WebviewWindow) -> Result<ScreenTaken, ErrorView> {
    crate::screen::take(&window).await
}
