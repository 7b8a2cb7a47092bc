//! Answers that are being written, for a page that was loaded again: it gets what is there so far and every event from then on.
//! Knows no history: what is kept of an answer is the recorder's.
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use contract::{AnswerEvent, ErrorView, MessageView};

use crate::App;
use crate::ask::OnAnswer;

#[derive(Default)]
pub(crate) struct Streams(Mutex<HashMap<String, Stream>>);

struct Stream {
    /// With the text so far.
    message: MessageView,
    followers: Vec<OnAnswer>,
}

impl Streams {
    pub(crate) fn begin(&self, chat_id: &str, message: &MessageView) {
        let stream = Stream { message: message.clone(), followers: Vec::new() };
        self.lock().insert(chat_id.to_owned(), stream);
    }

    /// What the page that asked gets, the others get, too.
    pub(crate) fn event(&self, chat_id: &str, event: &AnswerEvent) {
        let mut streams = self.lock();
        let Some(stream) = streams.get_mut(chat_id) else { return };
        if let AnswerEvent::Delta { text, reasoning, .. } = event {
            stream.message.text.push_str(text);
            stream.message.reasoning.push_str(reasoning);
        }
        for follower in &stream.followers {
            follower(event.clone());
        }
        if matches!(event, AnswerEvent::Finished { .. } | AnswerEvent::Failed { .. }) {
            streams.remove(chat_id);
        }
    }

    /// Under the lock, so that no piece falls between the text so far and the first event.
    fn follow(&self, chat_id: &str, on_event: OnAnswer) -> bool {
        let mut streams = self.lock();
        let Some(stream) = streams.get_mut(chat_id) else { return false };
        on_event(AnswerEvent::Started { user: None, assistant: stream.message.clone() });
        stream.followers.push(on_event);
        true
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Stream>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// The events of an answer that is being written: first what is there, then what comes. False when there is none.
    pub async fn answer_follow(&self, chat_id: &str, on_event: OnAnswer) -> Result<bool, ErrorView> {
        Ok(self.streams.follow(chat_id, on_event))
    }
}
