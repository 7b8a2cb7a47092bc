//! The system's own `screencapture`, which asks the person for a region or a window, and for the permission if need be.
//! Not run anywhere yet.
use contract::{ErrorCode, ErrorView, ScreenTaken, ScreenWay};
use tauri::WebviewWindow;

use super::{Aside, part};

pub async fn way() -> ScreenWay {
    ScreenWay::Desktop
}

pub async fn take(window: &WebviewWindow) -> Result<ScreenTaken, ErrorView> {
    let refused = |why: String| {
        ErrorView::new(ErrorCode::ScreenRefused, format!("take a picture of the screen: {why}"))
    };
    // The folder of temporary files is the person's own on macOS.
    let file = std::env::temp_dir().join(format!("whaledeck-screen-{}.png", std::process::id()));
    let ended = {
        let _aside = Aside::step(window).await;
        tokio::process::Command::new("/usr/sbin/screencapture")
            .args(["-i", "-x", "-t", "png"])
            .arg(&file)
            .output()
            .await
            .map_err(|error| refused(error.to_string()))?
    };
    match tokio::fs::read(&file).await {
        Ok(bytes) => {
            if let Err(error) = tokio::fs::remove_file(&file).await {
                tracing::warn!(%error, "a picture of the screen was left among the temporary files");
            }
            Ok(part(&bytes))
        }
        // Esc leaves no file and says nothing.
        Err(_) if ended.stderr.is_empty() => Ok(ScreenTaken::Nothing),
        Err(_) => Err(refused(String::from_utf8_lossy(&ended.stderr).trim().to_owned())),
    }
}
