//! Calls that wait for the user. A decision reaches the answer that asked for it, once.
//! Knows no tool and no server.
use std::collections::HashMap;

use contract::{ErrorCode, ErrorView, ToolDecision};
use parking_lot::Mutex;
use tokio::sync::oneshot;

#[derive(Default)]
pub(crate) struct Decisions(Mutex<HashMap<(String, String), oneshot::Sender<ToolDecision>>>);

impl Decisions {
    /// Waits for the decision about a call of a chat.
    pub(crate) fn wait(&self, chat_id: &str, call_id: &str) -> oneshot::Receiver<ToolDecision> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.0.lock();
        // What an answer that was stopped waited for is gone.
        waiting.retain(|_, sender| !sender.is_closed());
        waiting.insert((chat_id.to_owned(), call_id.to_owned()), sender);
        receiver
    }

    pub(super) fn decide(
        &self,
        chat_id: &str,
        call_id: &str,
        decision: ToolDecision,
    ) -> Result<(), ErrorView> {
        let sender = self.0.lock().remove(&(chat_id.to_owned(), call_id.to_owned()));
        let told = sender.and_then(|sender| sender.send(decision).ok());
        told.ok_or_else(|| ErrorView::new(ErrorCode::ToolCallGone, "decide about the call: it does not wait"))
    }

    pub(super) fn waits(&self, chat_id: &str, call_id: &str) -> bool {
        let waiting = self.0.lock();
        let sender = waiting.get(&(chat_id.to_owned(), call_id.to_owned()));
        sender.is_some_and(|sender| !sender.is_closed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_decision_arrives_once_and_only_where_somebody_waits() {
        let decisions = Decisions::default();
        let waits = decisions.wait("chat", "call");
        assert!(decisions.waits("chat", "call") && !decisions.waits("chat", "other"));
        let refuse = || ToolDecision::Refuse;
        assert_eq!(
            decisions.decide("other", "call", refuse()).expect_err("none").code,
            ErrorCode::ToolCallGone
        );
        decisions.decide("chat", "call", refuse()).expect("it waits");
        assert_eq!(waits.await, Ok(refuse()));
        assert!(decisions.decide("chat", "call", refuse()).is_err());
        drop(decisions.wait("chat", "stopped"));
        assert!(decisions.decide("chat", "stopped", refuse()).is_err());
    }
}
