//! Screenshots on macOS: the system's `screencapture`, which asks the user for a region or a window, and for
//! permission. Not tested on a machine yet.
use contract::{ErrorCode, ErrorView, ScreenTaken, ScreenWay};
use tauri::WebviewWindow;

use super::{HiddenWindow, part};

pub async fn way() -> ScreenWay {
    ScreenWay::Desktop
}

pub async fn take(window: &WebviewWindow) -> Result<ScreenTaken, ErrorView> {
    let refused = |reason: String| {
        ErrorView::new(ErrorCode::ScreenRefused, format!("take a picture of the screen: {reason}"))
    };
    // On macOS each user has a folder of temporary files.
    let file = std::env::temp_dir().join(format!("whaledeck-screen-{}.png", std::process::id()));
    let output = {
        let _hidden = HiddenWindow::hide(window).await;
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
                tracing::warn!(%error, "failed to delete a screenshot from the temporary files");
            }
            Ok(part(&bytes))
        }
        // Esc leaves no file and prints no error.
        Err(_) if output.stderr.is_empty() => Ok(ScreenTaken::Nothing),
        Err(_) => Err(refused(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
    }
}
