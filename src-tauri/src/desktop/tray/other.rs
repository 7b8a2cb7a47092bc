//! The tray of Windows and macOS, by Tauri. Written after its documentation; it was not run.
//! Its entries are those of Linux.
use tauri::AppHandle;
use tauri::menu::{MenuBuilder, MenuItemBuilder};
use tauri::tray::{MouseButton, TrayIcon, TrayIconBuilder, TrayIconEvent};

use super::Entry;
use crate::host::lang;

pub type Icon = TrayIcon;

pub fn show(handle: &AppHandle) -> Option<Icon> {
    let shown = build(handle);
    shown.inspect_err(|error| tracing::warn!(%error, "failed to show the tray")).ok()
}

fn build(handle: &AppHandle) -> tauri::Result<Icon> {
    let lang = lang(handle);
    let mut menu = MenuBuilder::new(handle);
    for entry in Entry::ALL {
        let label = entry.message().text(lang);
        menu = menu.item(&MenuItemBuilder::with_id(format!("{entry:?}"), label).build(handle)?);
    }
    let mut icon = TrayIconBuilder::with_id("whaledeck")
        .tooltip("Whaledeck")
        .menu(&menu.build()?)
        .show_menu_on_left_click(false)
        .on_menu_event(|handle, event| {
            let chosen = Entry::ALL.into_iter().find(|entry| format!("{entry:?}") == event.id().as_ref());
            if let Some(entry) = chosen {
                entry.choose(handle);
            }
        })
        .on_tray_icon_event(|icon, event| {
            if let TrayIconEvent::Click { button: MouseButton::Left, .. } = event {
                Entry::Open.choose(icon.app_handle());
            }
        });
    if let Some(image) = handle.default_window_icon() {
        icon = icon.icon(image.clone());
    }
    icon.build(handle)
}

pub fn remove(icon: Icon) {
    icon.app_handle().remove_tray_by_id("whaledeck");
}

/// Both systems have one.
pub fn is_possible() -> bool {
    true
}
