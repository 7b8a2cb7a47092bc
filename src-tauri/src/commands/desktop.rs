//! Commands of the desktop around the window: links that were opened, the tray, the start at login.
//! Nothing is decided here: see `crate::desktop`.
use contract::{DesktopView, ErrorCode, ErrorView, LinkView};

use crate::desktop::{self, links::PendingLink};

/// The link that no page has followed yet.
#[tauri::command]
#[specta::specta]
pub async fn link_take(pending: tauri::State<'_, PendingLink>) -> Result<Option<LinkView>, ErrorView> {
    Ok(pending.take())
}

#[tauri::command]
#[specta::specta]
pub async fn desktop() -> Result<DesktopView, ErrorView> {
    Ok(desktop::view())
}

/// Shows the tray or removes it, as the saved settings say.
#[tauri::command]
#[specta::specta]
pub async fn tray_apply(handle: tauri::AppHandle, app: super::App<'_>) -> Result<(), ErrorView> {
    let wanted = app.settings().await?.tray;
    // It waits for the bus and for the settings, which a thread of the runtime must not.
    let applied = tauri::async_runtime::spawn_blocking(move || desktop::apply(&handle, wanted)).await;
    applied.map_err(|error| ErrorView::new(ErrorCode::Internal, format!("show the tray: {error}")))
}

/// Starts the program at login, or no longer.
#[tauri::command]
#[specta::specta]
pub async fn autostart_set(on: bool) -> Result<DesktopView, ErrorView> {
    desktop::start_at_login(on)
}
