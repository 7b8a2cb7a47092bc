//! Which chats have an answer in progress, and how to stop one. Each chat has one answer at a time.
//! Does not know what an answer contains or which model writes it.
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use contract::{ErrorCode, ErrorView};
use parking_lot::Mutex;
use tokio::sync::watch;

/// The key of a comparison among the ids of chats, which are UUIDs: there is one comparison at a time.
pub(crate) const COMPARISON: &str = "compare";
/// The same of an evaluation.
pub(crate) const EVALUATION: &str = "evaluation";
/// Of a chapter of "How it works" that computes.
pub(crate) const EXPLANATION: &str = "explanation";

/// The stop switches of the answers in progress, by chat id.
#[derive(Debug, Default)]
pub(crate) struct RunningAnswers {
    chats: Mutex<HashMap<String, (u64, watch::Sender<bool>)>>,
    next: AtomicU64,
}

/// The right to answer in a chat, until it ends or is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    running: Arc<RunningAnswers>,
    chat_id: String,
    number: u64,
    /// Becomes true when the answer shall stop.
    pub stop: watch::Receiver<bool>,
}

impl RunningAnswers {
    pub(crate) fn begin(self: &Arc<Self>, chat_id: &str) -> Result<Turn, ErrorView> {
        let mut chats = self.chats.lock();
        if chats.contains_key(chat_id) {
            let message = "change the chat: an answer is still being written in it";
            return Err(ErrorView::new(ErrorCode::AnswerRunning, message));
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (switch, stop) = watch::channel(false);
        chats.insert(chat_id.to_owned(), (number, switch));
        Ok(Turn { running: self.clone(), chat_id: chat_id.to_owned(), number, stop })
    }

    pub(crate) fn any(&self) -> bool {
        !self.chats.lock().is_empty()
    }

    /// Whether this chat has an answer in progress.
    pub(crate) fn contains(&self, chat_id: &str) -> bool {
        self.chats.lock().contains_key(chat_id)
    }

    pub(crate) fn stop(&self, chat_id: &str) {
        if let Some((_, switch)) = self.chats.lock().get(chat_id) {
            switch.send_replace(true);
        }
    }
}

impl Turn {
    /// Frees the chat for its next answer. Does nothing when a newer turn holds the chat already.
    pub(crate) fn end(&self) {
        let mut chats = self.running.chats.lock();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_answer_at_a_time_and_an_old_turn_never_ends_a_new_one() {
        let running = Arc::new(RunningAnswers::default());
        let first = running.begin("chat").expect("is free");
        assert_eq!(running.begin("chat").expect_err("is taken").code, ErrorCode::AnswerRunning);
        running.begin("other").expect("another chat is free");
        first.end();
        let second = running.begin("chat").expect("is free again");
        drop(first);
        assert!(running.begin("chat").is_err(), "the second turn still holds it");
        running.stop("chat");
        assert!(*second.stop.borrow());
    }
}
