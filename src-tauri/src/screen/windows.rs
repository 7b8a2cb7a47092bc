//! Screenshots on Windows: the system's snipping tool puts the image on the clipboard, and the user pastes
//! it. Not tested on a machine yet.
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
