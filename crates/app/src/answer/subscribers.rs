//! Sends the events of an answer in progress to a page that was loaded again: first the text so far, then
//! each event. Knows no history; the recorder stores the answer.
use std::collections::HashMap;

use contract::{AnswerEvent, MessageView};
use parking_lot::Mutex;

use super::OnAnswer;

#[derive(Default)]
pub(crate) struct Subscribers(Mutex<HashMap<String, InProgress>>);

struct InProgress {
    /// With the text so far.
    message: MessageView,
    subscribers: Vec<OnAnswer>,
}

impl Subscribers {
    pub(crate) fn begin(&self, chat_id: &str, message: &MessageView) {
        let answer = InProgress { message: message.clone(), subscribers: Vec::new() };
        self.0.lock().insert(chat_id.to_owned(), answer);
    }

    pub(crate) fn send(&self, chat_id: &str, event: &AnswerEvent) {
        let mut answers = self.0.lock();
        let Some(answer) = answers.get_mut(chat_id) else { return };
        if let AnswerEvent::Delta { text, reasoning, .. } = event {
            answer.message.text.push_str(text);
            answer.message.reasoning.push_str(reasoning);
        }
        if let AnswerEvent::Called { call, .. } = event {
            let calls = &mut answer.message.calls;
            match calls.iter_mut().find(|known| known.id == call.id) {
                Some(known) => *known = call.clone(),
                None => calls.push(call.clone()),
            }
        }
        for subscriber in &answer.subscribers {
            subscriber(event.clone());
        }
        if matches!(event, AnswerEvent::Finished { .. } | AnswerEvent::Failed { .. }) {
            answers.remove(chat_id);
        }
    }

    /// Holds the lock, so that no event is lost between the text so far and the first one that is sent.
    pub(crate) fn add(&self, chat_id: &str, on_event: OnAnswer) -> bool {
        let mut answers = self.0.lock();
        let Some(answer) = answers.get_mut(chat_id) else { return false };
        on_event(AnswerEvent::Started { user: None, assistant: answer.message.clone() });
        answer.subscribers.push(on_event);
        true
    }
}
