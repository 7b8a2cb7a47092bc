//! The program at home on the desktop: links, notifications, the tray, the start at login. Each tells the
//! page what was chosen as a link; the page decides what to do with it.
mod autostart;
mod desktop_host;
pub mod links;
mod notify;
mod tray;

use std::sync::Arc;

use contract::{DesktopView, ErrorCode, ErrorView, LinkView};
use tauri::{AppHandle, Manager};

pub use self::desktop_host::DesktopHost;
use self::links::PendingLink;
pub use self::notify::Notifier;
use self::tray::Tray;

/// Starts the window hidden, where there is a tray to show it from.
pub const HIDDEN: &str = "--hidden";

/// Puts the tray on the desktop if the settings want it. A window that starts hidden is shown where there is
/// no tray after all.
pub fn start(handle: &AppHandle) {
    let tray = Tray::default();
    let wanted = tauri::async_runtime::block_on(handle.state::<Arc<app::App>>().settings());
    if wanted.is_ok_and(|settings| settings.tray) {
        tray.show(handle);
    }
    let lost = starts_hidden() && !tray.is_shown();
    handle.manage(tray);
    if lost {
        show_window(handle);
    }
}

/// Whether the window is not shown at the start.
pub fn starts_hidden() -> bool {
    std::env::args().any(|arg| arg == HIDDEN) && tray::is_possible()
}

/// Shows the window, in front.
pub fn show_window(handle: &AppHandle) {
    if let Some(window) = handle.get_webview_window("main") {
        let _ = window.show();
        let _ = window.unminimize();
        let _ = window.set_focus();
    }
}

/// Shows the window with what a link leads to.
pub fn follow(handle: &AppHandle, link: LinkView) {
    show_window(handle);
    handle.state::<PendingLink>().open(handle, link);
}

/// Whether a closed window goes to the tray.
pub fn hides_on_close(handle: &AppHandle) -> bool {
    handle.try_state::<Tray>().is_some_and(|tray| tray.is_shown())
}

/// Shows or removes the tray, as the settings say.
pub fn apply(handle: &AppHandle, tray_wanted: bool) {
    let Some(tray) = handle.try_state::<Tray>() else { return };
    if tray_wanted { tray.show(handle) } else { tray.remove() }
}

pub fn view() -> DesktopView {
    DesktopView { tray: tray::is_possible(), autostart: autostart::is_on() }
}

/// # Errors
/// When the system does not take the entry.
pub fn start_at_login(on: bool) -> Result<DesktopView, ErrorView> {
    autostart::set(on).map_err(|error| {
        let message = format!("change the start at login: {error}");
        ErrorView::new(ErrorCode::PermissionDenied, message).with("path", autostart::PLACE)
    })?;
    Ok(view())
}
