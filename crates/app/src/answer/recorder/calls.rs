//! The calls of an answer while it is recorded: where in the text each stands, what is stored of it, and how
//! long tools took, which is no time of the model.
use std::sync::Arc;
use std::time::{Duration, Instant};

use contract::{ErrorView, ToolCallState, ToolCallView};
use history::History;

use super::super::event::AnswerText;
use super::super::rounds::{is_open, units_of};
use super::HISTORY;
use crate::blocking::blocking;
use crate::convert::{history_error, stored_call};

#[derive(Default)]
pub(super) struct Calls {
    all: Vec<ToolCallView>,
    /// Since when a call is open.
    since: Option<Instant>,
    /// Of calls that have ended.
    before: Duration,
}

impl Calls {
    /// With the calls of an answer that is continued.
    pub(super) fn new(all: Vec<ToolCallView>) -> Self {
        Self { all, ..Self::default() }
    }

    /// Takes a new state of a call. A new call stands after the text so far.
    pub(super) fn put(&mut self, call: ToolCallView, text: &AnswerText) -> ToolCallView {
        let known = self.all.iter_mut().find(|known| known.id == call.id);
        let call = match known {
            Some(known) => {
                let (text_before, reasoning_before) = (known.text_before, known.reasoning_before);
                *known = ToolCallView { text_before, reasoning_before, ..call };
                known.clone()
            }
            None => {
                let (text_before, reasoning_before) = (units_of(&text.text), units_of(&text.reasoning));
                let call = ToolCallView { text_before, reasoning_before, ..call };
                self.all.push(call.clone());
                call
            }
        };
        let open = self.all.iter().any(|call| is_open(call.state));
        match (open, self.since) {
            (true, None) => self.since = Some(Instant::now()),
            (false, Some(since)) => {
                self.before += since.elapsed();
                self.since = None;
            }
            _ => {}
        }
        call
    }

    /// How long tools and the user's decisions took.
    pub(super) fn time(&self) -> Duration {
        self.before + self.since.map(|since| since.elapsed()).unwrap_or_default()
    }

    /// The calls that are open when the answer ends.
    pub(super) fn stop(&mut self) -> Vec<ToolCallView> {
        let mut stopped = Vec::new();
        for call in self.all.iter_mut().filter(|call| is_open(call.state)) {
            call.state = ToolCallState::Stopped;
            stopped.push(call.clone());
        }
        stopped
    }
}

/// Writes a call with its whole result.
pub(super) async fn store(
    history: &Arc<History>,
    message_id: &str,
    call: &ToolCallView,
    result: String,
) -> Result<(), ErrorView> {
    let (history, message_id) = (history.clone(), message_id.to_owned());
    let stored = stored_call(call, result)?;
    blocking(HISTORY, move || history.tool_call_put(&message_id, &stored).map_err(history_error)).await
}
