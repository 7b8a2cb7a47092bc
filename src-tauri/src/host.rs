//! The host of `app` in the desktop: every page that subscribed gets each event.
//! Events have no buffer: a page that subscribes later reads the state with commands.
use std::sync::Arc;

use contract::{AppEvent, Language};
use messages::Lang;
use parking_lot::Mutex;
use tauri::Manager;
use tauri::ipc::Channel;

/// The pages that get events. A closed page is removed at the next event.
#[derive(Default, Clone)]
pub struct Subscribers(Arc<Mutex<Vec<Channel<AppEvent>>>>);

impl Subscribers {
    pub fn add(&self, channel: Channel<AppEvent>) {
        self.0.lock().push(channel);
    }

    /// Removes all pages, after the process that drew them died.
    pub fn clear(&self) {
        self.0.lock().clear();
    }
}

impl app::Host for Subscribers {
    fn emit(&self, event: AppEvent) {
        self.0.lock().retain(|channel| channel.send(event.clone()).is_ok());
    }
}

/// Called after the process of the page died: the events go to the page that is loaded next.
pub fn forget_pages(window: &tauri::WebviewWindow) {
    if let Some(subscribers) = window.try_state::<Subscribers>() {
        subscribers.clear();
    }
}

/// The language of messages outside a page: from the settings, or else from the session.
pub fn lang(handle: &tauri::AppHandle) -> Lang {
    let app = handle.try_state::<Arc<app::App>>();
    let settings = app.and_then(|app| tauri::async_runtime::block_on(app.settings()).ok());
    match settings.map(|settings| settings.language) {
        Some(Language::En) => Lang::En,
        Some(Language::Zh) => Lang::Zh,
        Some(Language::System) | None => Lang::from_env(),
    }
}
