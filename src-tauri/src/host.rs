//! What `app` sees of the desktop: a place to send events. Every open page that subscribed gets each one.
use std::sync::{Arc, Mutex};

use contract::AppEvent;
use tauri::ipc::Channel;

/// Pages that listen. A page that went away is forgotten at the next event.
#[derive(Default, Clone)]
pub struct Subscribers(Arc<Mutex<Vec<Channel<AppEvent>>>>);

impl Subscribers {
    pub fn add(&self, channel: Channel<AppEvent>) {
        self.lock().push(channel);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Channel<AppEvent>>> {
        // A poisoned list is still a list: losing all events would be worse than one odd entry.
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl app::Host for Subscribers {
    fn emit(&self, event: AppEvent) {
        self.lock().retain(|channel| channel.send(event.clone()).is_ok());
    }
}
