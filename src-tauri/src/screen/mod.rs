//! A picture of the screen, by the way that this desktop has. The window steps aside meanwhile and comes back whatever
//! happens. What becomes of the picture is not known here.
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

/// How a picture of the screen is taken here, if at all.
pub async fn way() -> ScreenWay {
    desktop::way().await
}

/// Takes one.
///
/// # Errors
/// `ScreenUnavailable` where there is no way, `ScreenRefused` where it gave no picture.
pub async fn take(window: &WebviewWindow) -> Result<ScreenTaken, ErrorView> {
    desktop::take(window).await
}

/// A part that the person chose.
#[cfg_attr(target_os = "windows", allow(dead_code))]
fn part(bytes: &[u8]) -> ScreenTaken {
    ScreenTaken::Part { data: STANDARD.encode(bytes), media: media(bytes) }
}

#[cfg(target_os = "linux")]
fn whole(bytes: &[u8]) -> ScreenTaken {
    ScreenTaken::Whole { data: STANDARD.encode(bytes), media: media(bytes) }
}

/// Desktops write PNG, some JPEG; whether it is a picture at all is judged where it is attached.
fn media(bytes: &[u8]) -> String {
    if bytes.starts_with(&[0xff, 0xd8]) { "image/jpeg" } else { "image/png" }.into()
}

/// Hides the window until this is dropped, so that one sees what lies behind it.
#[cfg_attr(target_os = "windows", allow(dead_code))]
struct Aside<'a>(&'a WebviewWindow);

impl<'a> Aside<'a> {
    /// What lies behind was not drawn until now, and fading out takes some desktops a quarter of a second.
    const REDRAWN: std::time::Duration = std::time::Duration::from_millis(350);

    async fn step(window: &'a WebviewWindow) -> Self {
        let aside = Self(window);
        if let Err(error) = window.hide() {
            // A picture with this window in it is still one.
            tracing::warn!(%error, "the window was not hidden");
        }
        tokio::time::sleep(Self::REDRAWN).await;
        aside
    }
}

impl Drop for Aside<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.0.show().and_then(|()| self.0.set_focus()) {
            tracing::error!(%error, "the window did not come back");
        }
    }
}
