//! The tray: shows the window, begins a chat, unloads the model, quits. A desktop without a tray is told
//! apart, because a window that is hidden there could not be found again.
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as system;
#[cfg(not(target_os = "linux"))]
mod other;
#[cfg(not(target_os = "linux"))]
use other as system;

use std::sync::Arc;

use contract::LinkView;
use messages::CliMessage;
use parking_lot::Mutex;
use tauri::{AppHandle, Manager};

pub use system::is_possible;

/// The tray of this program, while it is on the desktop.
#[derive(Default)]
pub struct Tray(Mutex<Option<system::Icon>>);

/// The entries of its menu, from the top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    Open,
    NewChat,
    TemporaryChat,
    Unload,
    Quit,
}

impl Tray {
    /// Does nothing when it is shown already, or the desktop has no place for it.
    pub fn show(&self, handle: &AppHandle) {
        let mut icon = self.0.lock();
        if icon.is_none() {
            *icon = system::show(handle);
        }
    }

    pub fn remove(&self) {
        if let Some(icon) = self.0.lock().take() {
            system::remove(icon);
        }
    }

    pub fn is_shown(&self) -> bool {
        self.0.lock().is_some()
    }
}

impl Entry {
    const ALL: [Self; 5] = [Self::Open, Self::NewChat, Self::TemporaryChat, Self::Unload, Self::Quit];

    fn message(self) -> CliMessage {
        match self {
            Self::Open => CliMessage::TrayOpen,
            Self::NewChat => CliMessage::TrayNewChat,
            Self::TemporaryChat => CliMessage::TrayTemporaryChat,
            Self::Unload => CliMessage::TrayUnload,
            Self::Quit => CliMessage::TrayQuit,
        }
    }

    fn choose(self, handle: &AppHandle) {
        let new_chat = |temporary| LinkView::NewChat { model_id: None, text: String::new(), temporary };
        match self {
            Self::Open => super::show_window(handle),
            Self::NewChat => super::follow(handle, new_chat(false)),
            Self::TemporaryChat => super::follow(handle, new_chat(true)),
            Self::Unload => {
                let app = handle.state::<Arc<app::App>>().inner().clone();
                tauri::async_runtime::spawn(async move {
                    if let Err(error) = app.worker_stop().await {
                        tracing::warn!(%error, "failed to unload the model");
                    }
                });
            }
            Self::Quit => handle.exit(0),
        }
    }
}
