//! The system's own snipping tool. It leaves the picture on the clipboard, from where the person pastes it. Not run
//! anywhere yet.
use contract::{ErrorCode, ErrorView, ScreenTaken, ScreenWay};
use tauri::WebviewWindow;
use tauri_plugin_opener::OpenerExt;

pub async fn way() -> ScreenWay {
    ScreenWay::Clipboard
}

pub async fn take(window: &WebviewWindow) -> Result<ScreenTaken, ErrorView> {
    window.opener().open_url("ms-screenclip:", None::<&str>).map(|()| ScreenTaken::Clipboard).map_err(
        |error| ErrorView::new(ErrorCode::ScreenRefused, format!("take a picture of the screen: {error}")),
    )
}
