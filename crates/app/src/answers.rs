//! Answers while they are written: which are running, how to stop one, and the two messages each begins with.
//! Knows no worker: where the pieces come from is decided beside it.
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use contract::{ErrorCode, ErrorView, SendRequest};
use history::{Chat, History, HistoryError, Message, NewMessage, Role, State};
use tokio::sync::watch;

use crate::App;
use crate::chats::title_of;

/// Stop switches by chat. One answer per chat at a time.
#[derive(Debug, Default)]
pub(crate) struct Running {
    chats: Mutex<HashMap<String, (u64, watch::Sender<bool>)>>,
    next: AtomicU64,
}

/// The right to answer in a chat, until it ends or is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    running: Arc<Running>,
    chat_id: String,
    number: u64,
    pub stopped: watch::Receiver<bool>,
}

impl Running {
    pub(crate) fn begin(self: &Arc<Self>, chat_id: &str) -> Result<Turn, ErrorView> {
        let mut chats = self.lock();
        if chats.contains_key(chat_id) {
            let message = "change the chat: an answer is still being written in it";
            return Err(ErrorView::new(ErrorCode::AnswerRunning, message));
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (switch, stopped) = watch::channel(false);
        chats.insert(chat_id.to_owned(), (number, switch));
        Ok(Turn { running: self.clone(), chat_id: chat_id.to_owned(), number, stopped })
    }

    pub(crate) fn any(&self) -> bool {
        !self.lock().is_empty()
    }

    /// Whether an answer is being written in this chat.
    pub(crate) fn writes(&self, chat_id: &str) -> bool {
        self.lock().contains_key(chat_id)
    }

    pub(crate) fn stop(&self, chat_id: &str) {
        if let Some((_, switch)) = self.lock().get(chat_id) {
            switch.send_replace(true);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, (u64, watch::Sender<bool>)>> {
        self.chats.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Turn {
    /// Lets the next message in. Safe to call again after the chat has a newer turn.
    pub(crate) fn end(&self) {
        let mut chats = self.running.lock();
        if chats.get(&self.chat_id).is_some_and(|(number, _)| *number == self.number) {
            chats.remove(&self.chat_id);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.end();
    }
}

/// What an answer starts from.
pub(crate) struct Begun {
    pub chat: Chat,
    /// The new message of the person; `None` for a retry or a continuation.
    pub user: Option<Message>,
    /// In state `streaming`; empty unless it is continued.
    pub assistant: Message,
    /// What the model reads, up to the message of the person.
    pub path: Vec<Message>,
}

/// Adds the messages. The first message of a chat without a title names it.
pub(crate) fn begin(history: &History, request: &SendRequest) -> Result<Begun, HistoryError> {
    let chat = history.chat(&request.chat_id)?;
    if let Some(id) = &request.continue_of {
        let assistant = history.message_reopen(&chat.id, id)?;
        let path = assistant
            .parent_id
            .as_deref()
            .map_or_else(|| Ok(Vec::new()), |parent| history.context_path(parent))?;
        return Ok(Begun { chat, user: None, assistant, path });
    }
    let (user, parent) = match &request.retry_of {
        Some(id) => (None, history.message(id)?.id),
        None => {
            let user = history.message_add(&NewMessage {
                chat_id: &chat.id,
                parent_id: request.parent_id.as_deref(),
                role: Role::User,
                text: &request.text,
                state: State::Done,
                pictures: &request.pictures,
            })?;
            if chat.title.is_empty() {
                history.chat_rename(&chat.id, &title_of(&request.text))?;
            }
            if request.leave_out_older {
                history.chat_context_start(&chat.id, Some(&user.id))?;
            }
            let id = user.id.clone();
            (Some(user), id)
        }
    };
    let assistant = history.message_add(&NewMessage {
        chat_id: &chat.id,
        parent_id: Some(&parent),
        role: Role::Assistant,
        text: "",
        state: State::Streaming,
        pictures: &[],
    })?;
    let path = history.context_path(&parent)?;
    Ok(Begun { chat, user, assistant, path })
}

impl App {
    /// Asks the answer of this chat to stop; nothing happens when there is none.
    pub async fn answer_stop(&self, chat_id: &str) -> Result<(), ErrorView> {
        self.running.stop(chat_id);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_answer_at_a_time_and_an_old_turn_never_ends_a_new_one() {
        let running = Arc::new(Running::default());
        let first = running.begin("chat").expect("is free");
        assert_eq!(running.begin("chat").expect_err("is taken").code, ErrorCode::AnswerRunning);
        running.begin("other").expect("another chat is free");
        first.end();
        let second = running.begin("chat").expect("is free again");
        drop(first);
        assert!(running.begin("chat").is_err(), "the second turn still holds it");
        running.stop("chat");
        assert!(*second.stopped.borrow());
    }
}
