//! The host of `app` in the desktop: its events go to the pages, and some of them to the notifications.
//! Knows no event by name.
use contract::AppEvent;

use super::notify::Notifier;
use crate::host::Subscribers;

pub struct DesktopHost {
    pub pages: Subscribers,
    pub notifier: Notifier,
}

impl app::Host for DesktopHost {
    fn emit(&self, event: AppEvent) {
        self.notifier.event(&event);
        self.pages.emit(event);
    }
}
