//! The assistant's message as it grows, and its end: what is unfinished is never called finished.
//!
//! Knows the shape of the protocol's message and nothing of how it is sent.
use serde_json::{Value, json};
use text::{Grounding, Piece};

use crate::request::Form;

/// A message so far.
#[derive(Default)]
pub struct Message {
    /// The answer's number, which makes the ids of its calls different from all others.
    id: u64,
    /// Size of the picture that boxes lie on.
    picture: Option<(usize, usize)>,
    /// The answer was to be JSON.
    json: bool,
    content: String,
    reasoning: String,
    calls: Vec<Call>,
    boxes: Vec<Value>,
}

#[derive(Default)]
struct Call {
    name: String,
    arguments: String,
    /// The model said that it is whole.
    ended: bool,
}

impl Call {
    /// A call without its closing mark is whole when its arguments are: models leave the mark out at the end of an answer.
    fn is_whole(&self) -> bool {
        self.ended || serde_json::from_str::<serde_json::Map<String, Value>>(&self.arguments).is_ok()
    }
}

impl Message {
    pub fn new(id: u64, form: &Form, picture: Option<(usize, usize)>) -> Self {
        Self { id, picture, json: matches!(form, Form::Json(_)), ..Self::default() }
    }

    fn call_id(&self, at: usize) -> String {
        format!("call_{}_{at}", self.id)
    }

    /// Takes a piece, and gives what a stream says of it.
    pub fn take(&mut self, piece: Piece) -> Option<Value> {
        let at = self.calls.len().saturating_sub(1);
        Some(match piece {
            Piece::Answer(text) => {
                self.content += &text;
                json!({"content": text})
            }
            Piece::Reasoning(text) => {
                self.reasoning += &text;
                json!({"reasoning_content": text})
            }
            Piece::CallName(name) => {
                let (at, function) = (self.calls.len(), json!({"name": name, "arguments": ""}));
                self.calls.push(Call { name, ..Call::default() });
                json!({"tool_calls": [{"index": at, "id": self.call_id(at), "type": "function", "function": function}]})
            }
            Piece::CallArguments(text) => {
                self.calls.last_mut()?.arguments += &text;
                json!({"tool_calls": [{"index": at, "function": {"arguments": text}}]})
            }
            Piece::CallEnd => {
                let call = self.calls.last_mut()?;
                call.ended = true;
                if !call.arguments.is_empty() {
                    return None;
                }
                // A function without arguments is called with none, which is an object in this protocol.
                "{}".clone_into(&mut call.arguments);
                json!({"tool_calls": [{"index": at, "function": {"arguments": "{}"}}]})
            }
            Piece::Grounding(boxes) => {
                let placed = self.placed(&boxes);
                self.boxes.push(placed.clone());
                json!({"whaledeck": {"grounding": [placed]}})
            }
        })
    }

    /// Boxes as they were answered, in 0..=999, and in pixels of the last picture.
    fn placed(&self, boxes: &Grounding) -> Value {
        let pixels = self.picture.map(|(width, height)| boxes.to_pixels(width, height));
        json!({"label": boxes.label, "boxes": boxes.boxes, "pixels": pixels})
    }

    /// An answer that calls is over when it has called, whatever token said so. A call that is cut off calls nothing.
    pub fn finish<'a>(&self, finish: &'a str) -> &'a str {
        let called = !self.calls.is_empty() && self.calls.iter().all(Call::is_whole);
        if finish == "stop" && called { "tool_calls" } else { finish }
    }

    /// What of the answer is not whole, for clients that look at more than the finish reason.
    pub fn unfinished(&self) -> Option<&'static str> {
        if self.calls.iter().any(|call| !call.is_whole()) {
            Some("call")
        } else if self.json && serde_json::from_str::<serde::de::IgnoredAny>(&self.content).is_err() {
            Some("json")
        } else if !self.reasoning.is_empty() && self.content.is_empty() && self.calls.is_empty() {
            Some("reasoning")
        } else {
            None
        }
    }

    /// The message of an answer that is given at once. A call that is cut off is words: it must not be carried out.
    pub fn whole(&self) -> Value {
        let mut content = self.content.clone();
        let mut calls = Vec::new();
        for (at, call) in self.calls.iter().enumerate() {
            if call.is_whole() {
                let function = json!({"name": call.name, "arguments": call.arguments});
                calls.push(json!({"id": self.call_id(at), "type": "function", "function": function}));
            } else {
                let before = if content.is_empty() || content.ends_with('\n') { "" } else { "\n" };
                content += &format!("{before}{} {}", call.name, call.arguments);
            }
        }
        let silent = content.is_empty() && !calls.is_empty();
        let mut message = json!({"role": "assistant"});
        message["content"] = if silent { Value::Null } else { json!(content) };
        if !self.reasoning.is_empty() {
            message["reasoning_content"] = json!(self.reasoning);
        }
        if !self.boxes.is_empty() {
            message["whaledeck"]["grounding"] = json!(self.boxes);
        }
        if let Some(part) = self.unfinished() {
            message["whaledeck"]["unfinished"] = json!(part);
        }
        if !calls.is_empty() {
            message["tool_calls"] = json!(calls);
        }
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(pieces: &[Piece]) -> Message {
        let mut message = Message::default();
        for piece in pieces {
            message.take(piece.clone());
        }
        message
    }

    fn call(arguments: &str) -> [Piece; 2] {
        [Piece::CallName("f".into()), Piece::CallArguments(arguments.into())]
    }

    #[test]
    fn a_call_that_is_cut_off_is_words_and_no_call() {
        for arguments in ["", "{\"a\": ", "{\"a\": 1", "\"text\""] {
            let cut = message(&call(arguments));
            assert_eq!((cut.finish("stop"), cut.unfinished()), ("stop", Some("call")), "{arguments}");
            let whole = cut.whole();
            assert_eq!(whole["content"], format!("f {arguments}"));
            assert!(whole["tool_calls"].is_null(), "{whole}");
        }
        // One that is whole before it stays a call; the answer as a whole did not finish.
        let two = [&call("{\"a\": 1}")[..], &[Piece::CallEnd], &call("{\"b")].concat();
        let two = message(&two);
        assert_eq!((two.finish("stop"), two.finish("length")), ("stop", "length"));
        assert_eq!(two.whole()["tool_calls"].as_array().map(Vec::len), Some(1));
    }

    #[test]
    fn a_whole_call_is_one_with_or_without_its_closing_mark() {
        for pieces in [&call("{\"a\": 1}")[..], &[&call("not json")[..], &[Piece::CallEnd]].concat()] {
            let whole = message(pieces);
            assert_eq!((whole.finish("stop"), whole.finish("length")), ("tool_calls", "length"));
            assert_eq!((whole.unfinished(), &whole.whole()["content"]), (None, &Value::Null));
        }
        let none = message(&[Piece::CallName("now".into()), Piece::CallEnd]);
        assert_eq!(none.whole()["tool_calls"][0]["function"], json!({"name": "now", "arguments": "{}"}));
    }

    #[test]
    fn half_a_json_and_a_thought_without_an_answer_are_told() {
        let half = Message { json: true, ..message(&[Piece::Answer("{\"a\": ".into())]) };
        assert_eq!(half.unfinished(), Some("json"));
        assert_eq!(message(&[Piece::Reasoning("Hm".into())]).unfinished(), Some("reasoning"));
        let done = [Piece::Reasoning("Hm".into()), Piece::Answer("Yes".into())];
        assert_eq!(message(&done).unfinished(), None);
    }
}
