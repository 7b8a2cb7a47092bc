//! Takes a screenshot in the way that this desktop allows. The window is hidden meanwhile and always shown
//! again. Does not know what the image is used for.
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use contract::{ErrorView, ScreenTaken, ScreenWay};
use tauri::WebviewWindow;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "linux")]
pub mod portal;
#[cfg(target_os = "windows")]
mod windows;
#[cfg(target_os = "linux")]
mod x11;

#[cfg(target_os = "linux")]
use linux as desktop;
#[cfg(target_os = "macos")]
use macos as desktop;
#[cfg(target_os = "windows")]
use windows as desktop;

/// How this desktop takes a screenshot, if it allows one.
pub async fn way() -> ScreenWay {
    desktop::way().await
}

/// Takes a screenshot.
///
/// # Errors
/// `ScreenUnavailable` when the desktop allows none, `ScreenRefused` when it gave no image.
pub async fn take(window: &WebviewWindow) -> Result<ScreenTaken, ErrorView> {
    desktop::take(window).await
}

/// A region that the user chose.
#[cfg_attr(target_os = "windows", allow(dead_code))]
fn part(bytes: &[u8]) -> ScreenTaken {
    ScreenTaken::Part { data: STANDARD.encode(bytes), media: media(bytes) }
}

#[cfg(target_os = "linux")]
fn whole(bytes: &[u8]) -> ScreenTaken {
    ScreenTaken::Whole { data: STANDARD.encode(bytes), media: media(bytes) }
}

/// Desktops write PNG, some JPEG. The image is validated when it is attached.
fn media(bytes: &[u8]) -> String {
    if bytes.starts_with(&[0xff, 0xd8]) { "image/jpeg" } else { "image/png" }.into()
}

/// Hides the window until this is dropped, so that the screenshot shows what is behind it.
#[cfg_attr(target_os = "windows", allow(dead_code))]
struct HiddenWindow<'a>(&'a WebviewWindow);

impl<'a> HiddenWindow<'a> {
    /// The desktop must redraw what is behind the window, and fading out takes some desktops a quarter of a
    /// second.
    const REDRAW_TIME: std::time::Duration = std::time::Duration::from_millis(350);

    async fn hide(window: &'a WebviewWindow) -> Self {
        let hidden = Self(window);
        if let Err(error) = window.hide() {
            // A screenshot with this window in it is still useful.
            tracing::warn!(%error, "failed to hide the window");
        }
        tokio::time::sleep(Self::REDRAW_TIME).await;
        hidden
    }
}

impl Drop for HiddenWindow<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.0.show().and_then(|()| self.0.set_focus()) {
            tracing::error!(%error, "failed to show the window again");
        }
    }
}
