//! Answers while they are written: which are running, and how to stop one.
use std::collections::HashMap;
use std::sync::Mutex;

use contract::ErrorView;
use tokio::sync::watch;

use crate::App;

/// Stop switches by chat. One answer per chat at a time.
#[derive(Debug, Default)]
pub(crate) struct Running(Mutex<HashMap<String, watch::Sender<bool>>>);

impl Running {
    /// `None` when the chat is being answered already.
    pub(crate) fn begin(&self, chat_id: &str) -> Option<watch::Receiver<bool>> {
        let mut chats = self.lock();
        if chats.contains_key(chat_id) {
            return None;
        }
        let (switch, stopped) = watch::channel(false);
        chats.insert(chat_id.to_owned(), switch);
        Some(stopped)
    }

    pub(crate) fn end(&self, chat_id: &str) {
        self.lock().remove(chat_id);
    }

    fn stop(&self, chat_id: &str) {
        if let Some(switch) = self.lock().get(chat_id) {
            switch.send_replace(true);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, watch::Sender<bool>>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl App {
    /// Asks the answer of this chat to stop; nothing happens when there is none.
    pub async fn answer_stop(&self, chat_id: &str) -> Result<(), ErrorView> {
        self.running.stop(chat_id);
        Ok(())
    }
}
