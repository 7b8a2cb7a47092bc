//! The assistant's message as it grows, and its finish reason: an answer that was cut off is never reported
//! as complete.
//!
//! Knows the protocol's message and nothing of how it is sent.
use protocol::openai::{AssistantMessage, Delta, FinishReason, FunctionCall, ToolCall, ToolCallDelta};
use protocol::{AnswerExtension, ExpertLayers, Grounding, TokenTrace, Unfinished};
use text::Piece;

use crate::response::blocks::{call_id, is_complete};

/// A message so far.
#[derive(Default)]
pub struct MessageBuilder {
    /// The answer's number, which makes the ids of its calls different from all others.
    id: u64,
    /// Width and height of the image that boxes refer to.
    image_size: Option<(usize, usize)>,
    /// The answer must be JSON.
    json: bool,
    content: String,
    reasoning: String,
    calls: Vec<Call>,
    grounding: Vec<Grounding>,
    traces: Vec<TokenTrace>,
}

#[derive(Default)]
struct Call {
    name: String,
    arguments: String,
    /// The closing mark came.
    ended: bool,
}

impl Call {
    fn is_complete(&self) -> bool {
        self.ended || is_complete(&self.arguments)
    }
}

impl MessageBuilder {
    /// `json`: the answer must be JSON.
    pub fn new(id: u64, json: bool, image_size: Option<(usize, usize)>) -> Self {
        Self { id, image_size, json, ..Self::default() }
    }

    fn call_id(&self, at: usize) -> String {
        call_id(self.id, at)
    }

    /// Adds a piece, and returns what a stream sends of it.
    pub fn push(&mut self, piece: Piece) -> Option<Delta> {
        let at = self.calls.len().saturating_sub(1);
        Some(match piece {
            Piece::Answer(text) => {
                self.content += &text;
                Delta { content: Some(text), ..Delta::default() }
            }
            Piece::Reasoning(text) => {
                self.reasoning += &text;
                Delta { reasoning_content: Some(text), ..Delta::default() }
            }
            Piece::CallName(name) => {
                let at = self.calls.len();
                self.calls.push(Call { name: name.clone(), ..Call::default() });
                call_delta(ToolCallDelta::begin(at, self.call_id(at), name))
            }
            Piece::CallArguments(text) => {
                self.calls.last_mut()?.arguments += &text;
                call_delta(ToolCallDelta::arguments(at, text))
            }
            Piece::CallEnd => {
                let call = self.calls.last_mut()?;
                call.ended = true;
                if !call.arguments.is_empty() {
                    return None;
                }
                // The protocol has an empty object for a call without arguments.
                "{}".clone_into(&mut call.arguments);
                call_delta(ToolCallDelta::arguments(at, "{}".to_owned()))
            }
            Piece::Grounding(grounding) => {
                let grounding = self.with_pixels(grounding);
                self.grounding.push(grounding.clone());
                let whaledeck = AnswerExtension { grounding: vec![grounding], ..AnswerExtension::default() };
                Delta { whaledeck: Some(whaledeck), ..Delta::default() }
            }
        })
    }

    pub fn push_traces(&mut self, traces: Vec<TokenTrace>) {
        self.traces.extend(traces);
    }

    /// Boxes as the model wrote them, in 0..=999, and in pixels of the last image.
    fn with_pixels(&self, grounding: text::Grounding) -> Grounding {
        let pixels = self.image_size.map(|(width, height)| grounding.to_pixels(width, height));
        Grounding { label: grounding.label, boxes: grounding.boxes, pixels }
    }

    /// An answer of complete calls ends with `tool_calls`, whatever token ended it. A call that is cut off is
    /// none.
    pub fn finish_reason(&self, finish: FinishReason) -> FinishReason {
        let called = !self.calls.is_empty() && self.calls.iter().all(Call::is_complete);
        if finish == FinishReason::Stop && called { FinishReason::ToolCalls } else { finish }
    }

    /// The part of the answer that was cut off, for clients that read more than the finish reason.
    pub fn unfinished(&self) -> Option<Unfinished> {
        if self.calls.iter().any(|call| !call.is_complete()) {
            Some(Unfinished::Call)
        } else if self.json && serde_json::from_str::<serde::de::IgnoredAny>(&self.content).is_err() {
            Some(Unfinished::Json)
        } else if !self.reasoning.is_empty() && self.content.is_empty() && self.calls.is_empty() {
            Some(Unfinished::Reasoning)
        } else {
            None
        }
    }

    /// The message of an answer that is sent as one body. A call that is cut off becomes text: it must not be
    /// executed.
    pub fn complete(&self, experts: Option<ExpertLayers>) -> AssistantMessage {
        let mut content = self.content.clone();
        let mut calls = Vec::new();
        for (at, call) in self.calls.iter().enumerate() {
            if call.is_complete() {
                let arguments = protocol::openai::Arguments::Text(call.arguments.clone());
                let function = FunctionCall { name: call.name.clone(), arguments };
                calls.push(ToolCall::function(self.call_id(at), function));
            } else {
                let before = if content.is_empty() || content.ends_with('\n') { "" } else { "\n" };
                content += &format!("{before}{} {}", call.name, call.arguments);
            }
        }
        let only_calls = content.is_empty() && !calls.is_empty();
        let extension = AnswerExtension {
            grounding: self.grounding.clone(),
            unfinished: self.unfinished(),
            experts,
            tokens: self.traces.clone(),
            ..AnswerExtension::default()
        };
        AssistantMessage {
            content: (!only_calls).then_some(content),
            reasoning_content: Some(self.reasoning.clone()).filter(|reasoning| !reasoning.is_empty()),
            whaledeck: Some(extension).filter(|extension| *extension != AnswerExtension::default()),
            tool_calls: Some(calls).filter(|calls| !calls.is_empty()),
            ..AssistantMessage::default()
        }
    }
}

fn call_delta(call: ToolCallDelta) -> Delta {
    Delta { tool_calls: Some(vec![call]), ..Delta::default() }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const STOP: FinishReason = FinishReason::Stop;
    const LENGTH: FinishReason = FinishReason::Length;

    fn message(pieces: &[Piece]) -> MessageBuilder {
        let mut message = MessageBuilder::default();
        for piece in pieces {
            message.push(piece.clone());
        }
        message
    }

    fn complete(message: &MessageBuilder) -> Value {
        serde_json::to_value(message.complete(None)).expect("is data")
    }

    fn call(arguments: &str) -> [Piece; 2] {
        [Piece::CallName("f".into()), Piece::CallArguments(arguments.into())]
    }

    #[test]
    fn a_call_that_is_cut_off_is_words_and_no_call() {
        for arguments in ["", "{\"a\": ", "{\"a\": 1", "\"text\""] {
            let cut = message(&call(arguments));
            assert_eq!(
                (cut.finish_reason(STOP), cut.unfinished()),
                (STOP, Some(Unfinished::Call)),
                "{arguments}"
            );
            let whole = complete(&cut);
            assert_eq!(whole["content"], format!("f {arguments}"));
            assert!(whole["tool_calls"].is_null(), "{whole}");
        }
        // One that is complete before it stays a call; the answer itself did not finish.
        let two = [&call("{\"a\": 1}")[..], &[Piece::CallEnd], &call("{\"b")].concat();
        let two = message(&two);
        assert_eq!((two.finish_reason(STOP), two.finish_reason(LENGTH)), (STOP, LENGTH));
        assert_eq!(complete(&two)["tool_calls"].as_array().map(Vec::len), Some(1));
    }

    #[test]
    fn a_whole_call_is_one_with_or_without_its_closing_mark() {
        for pieces in [&call("{\"a\": 1}")[..], &[&call("not json")[..], &[Piece::CallEnd]].concat()] {
            let whole = message(pieces);
            let reasons = (whole.finish_reason(STOP), whole.finish_reason(LENGTH));
            assert_eq!(reasons, (FinishReason::ToolCalls, LENGTH));
            assert_eq!((whole.unfinished(), &complete(&whole)["content"]), (None, &Value::Null));
        }
        let none = message(&[Piece::CallName("now".into()), Piece::CallEnd]);
        assert_eq!(complete(&none)["tool_calls"][0]["function"], json!({"name": "now", "arguments": "{}"}));
    }

    #[test]
    fn half_a_json_and_a_thought_without_an_answer_are_told() {
        let half = MessageBuilder { json: true, ..message(&[Piece::Answer("{\"a\": ".into())]) };
        assert_eq!(half.unfinished(), Some(Unfinished::Json));
        assert_eq!(message(&[Piece::Reasoning("Hm".into())]).unfinished(), Some(Unfinished::Reasoning));
        let done = [Piece::Reasoning("Hm".into()), Piece::Answer("Yes".into())];
        assert_eq!(message(&done).unfinished(), None);
    }
}
