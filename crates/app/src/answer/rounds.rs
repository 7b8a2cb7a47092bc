//! An answer with calls as the messages that a model reads: for each request to it what it wrote and called,
//! then the results. The text of the whole answer is stored once; a call knows how much of it came before.
use contract::{MessageView, Role, ToolCallState, ToolCallView};

use super::event::AnswerText;
use super::prompt_message::{PromptCall, PromptMessage};
use crate::text_cut::Cut;
use crate::tools::result_for_model;

/// The parts of an answer.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    /// Of each round: the message with its calls, and a message for each result.
    pub messages: Vec<PromptMessage>,
    /// What came after the last call.
    pub rest: AnswerText,
}

impl Rounds {
    /// An answer without calls is `rest` alone.
    pub fn of(message: &MessageView) -> Self {
        let (mut text, mut reasoning) = (Cut::new(&message.text), Cut::new(&message.reasoning));
        let mut messages = Vec::new();
        for calls in message.calls.chunk_by(|one, next| one.round == next.round) {
            let asked = PromptMessage {
                reasoning: reasoning.to(calls[0].reasoning_before).to_owned(),
                calls: calls.iter().map(prompt_call).collect(),
                ..PromptMessage::new(Role::Assistant, text.to(calls[0].text_before))
            };
            messages.push(asked);
            messages.extend(calls.iter().map(result_message));
        }
        let rest = AnswerText { text: text.rest().to_owned(), reasoning: reasoning.rest().to_owned() };
        Self { messages, rest }
    }

    /// Without the reasoning, which a model does not read again once it has answered.
    pub fn answered(message: &MessageView) -> Self {
        let mut rounds = Self::of(message);
        for message in &mut rounds.messages {
            message.reasoning.clear();
        }
        rounds
    }
}

pub(super) fn prompt_call(call: &ToolCallView) -> PromptCall {
    PromptCall {
        id: call.id.clone(),
        function: call.function.clone(),
        // A template may parse the arguments of earlier calls.
        arguments: if is_object(&call.arguments) { call.arguments.clone() } else { "{}".to_owned() },
    }
}

pub(super) fn result_message(call: &ToolCallView) -> PromptMessage {
    PromptMessage::result(call.id.clone(), result_for_model(call))
}

fn is_object(text: &str) -> bool {
    serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).is_ok()
}

/// The length in UTF-16 code units.
pub(super) fn units_of(text: &str) -> u32 {
    u32::try_from(text.encode_utf16().count()).unwrap_or(u32::MAX)
}

/// Whether a call has not ended.
pub(super) fn is_open(state: ToolCallState) -> bool {
    matches!(state, ToolCallState::Asking | ToolCallState::Running)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_app::{message_view, tool_call};

    fn call(id: &str, round: u32, text_before: u32, result: &str) -> ToolCallView {
        ToolCallView { round, text_before, result: result.into(), ..tool_call(id) }
    }

    #[test]
    fn an_answer_is_what_was_written_called_and_returned() {
        let mut message = message_view(Role::Assistant, "鲸🐋 one, two.");
        message.reasoning = "Hm. So.".into();
        message.calls = vec![
            ToolCallView { reasoning_before: 3, ..call("a", 0, 3, "A") },
            ToolCallView { reasoning_before: 3, ..call("b", 0, 3, "B") },
            ToolCallView { reasoning_before: 3, ..call("c", 1, 3, "C") },
            ToolCallView { reasoning_before: 7, arguments: "cut {".into(), ..call("d", 2, 8, "D") },
        ];
        let rounds = Rounds::of(&message);
        let told: Vec<(&str, &str, Vec<&str>, Option<&str>)> = rounds
            .messages
            .iter()
            .map(|message| {
                let calls = message.calls.iter().map(|call| call.id.as_str()).collect();
                (message.text.as_str(), message.reasoning.as_str(), calls, message.result_of.as_deref())
            })
            .collect();
        let wanted = [
            ("鲸🐋", "Hm.", vec!["a", "b"], None),
            ("A", "", vec![], Some("a")),
            ("B", "", vec![], Some("b")),
            ("", "", vec!["c"], None),
            ("C", "", vec![], Some("c")),
            (" one,", " So.", vec!["d"], None),
            ("D", "", vec![], Some("d")),
        ];
        assert_eq!(told, wanted);
        assert_eq!(rounds.messages[5].calls[0].arguments, "{}");
        assert_eq!((rounds.rest.text.as_str(), rounds.rest.reasoning.as_str()), (" two.", ""));
        assert!(Rounds::answered(&message).messages.iter().all(|message| message.reasoning.is_empty()));
    }

    #[test]
    fn a_position_inside_a_letter_or_after_the_end_loses_nothing() {
        for position in 0..12 {
            let mut message = message_view(Role::Assistant, "a🐋b鲸");
            message.calls = vec![call("a", 0, position, "")];
            let rounds = Rounds::of(&message);
            assert_eq!(rounds.messages[0].text.clone() + &rounds.rest.text, message.text, "{position}");
        }
    }
}
