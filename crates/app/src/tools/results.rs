//! How much of a result a model and a page are given at once, and in which words a model reads what became of
//! its call. They must be the same each time: the prompt of a later turn begins with them.
use contract::{ToolCallState, ToolCallView};
use serde_json::{Value, json};

/// The function by which a model reads on.
pub(crate) const RESULT_PAGE: &str = "result_page";
/// Characters of a page on the screen, and the most that a model is given at once.
pub(super) const PAGE_CHARS: usize = 16_000;
const FEWEST_CHARS: usize = 1000;
/// Room for the note below a part.
const NOTE_CHARS: usize = 100;

/// Characters of a result that a model is given: a quarter of its context, at three characters a token.
pub(super) fn page_chars(context: Option<u32>) -> usize {
    context.map_or(PAGE_CHARS, |context| (context as usize / 4 * 3).clamp(FEWEST_CHARS, PAGE_CHARS))
}

/// What the model reads of a call.
pub(crate) fn result_for_model(call: &ToolCallView) -> String {
    match call.state {
        ToolCallState::Done | ToolCallState::Failed => match &call.error {
            Some(error) => format!("Error: {}", error.message),
            None if call.result.is_empty() => "The tool returned nothing.".to_owned(),
            None if call.result_chars > call.read_chars => {
                let ToolCallView { id, read_chars, result_chars, .. } = call;
                let note = format!(
                    "[The first {read_chars} of {result_chars} characters. To read on: {RESULT_PAGE} with call \
                     \"{id}\" and from {read_chars}.]"
                );
                format!("{}\n{note}", call.result)
            }
            None => call.result.clone(),
        },
        ToolCallState::Refused => "The user refused this call.".to_owned(),
        ToolCallState::Asking | ToolCallState::Running | ToolCallState::Stopped => {
            "The call was stopped before it ended.".to_owned()
        }
    }
}

/// As a model is told of the function.
pub(super) fn result_page_function() -> Value {
    json!({"type": "function", "function": {
        "name": RESULT_PAGE,
        "description": "Reads on in a result that was too long to be given as a whole.",
        "parameters": {"type": "object", "required": ["call", "from"], "properties": {
            "call": {"type": "string", "description": "The id of the call."},
            "from": {"type": "integer", "description": "The first character, counted from 0."}
        }}
    }})
}

/// A part of a result, in at most so many characters with the note at its end.
pub(super) fn result_part(result: &str, from: usize, most: usize) -> String {
    let most = most.saturating_sub(NOTE_CHARS).max(1);
    let total = result.chars().count();
    let text: String = result.chars().skip(from).take(most).collect();
    let to = (from + most).min(total);
    if from >= total {
        format!("[The result has {total} characters.]")
    } else if to < total {
        format!("{text}\n[Characters {from} to {to} of {total}.]")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use contract::{ErrorCode, ErrorView};

    use super::*;
    use crate::test_app::tool_call;

    #[test]
    fn what_became_of_a_call_is_said() {
        let of = |state, result: &str, read_chars, result_chars| {
            result_for_model(&ToolCallView {
                state,
                result: result.into(),
                read_chars,
                result_chars,
                ..tool_call("c1")
            })
        };
        assert_eq!(of(ToolCallState::Done, "abc", 3, 3), "abc");
        assert_eq!(of(ToolCallState::Failed, "no such file", 12, 12), "no such file");
        assert!(of(ToolCallState::Done, "abc", 3, 9).contains("first 3 of 9 characters"));
        assert!(of(ToolCallState::Done, "abc", 3, 9).contains("\"c1\" and from 3"));
        assert!(!of(ToolCallState::Done, "", 0, 0).is_empty());
        assert!(of(ToolCallState::Refused, "", 0, 0).contains("refused"));
        assert!(of(ToolCallState::Asking, "", 0, 0).contains("stopped"));
        let error = Some(ErrorView::new(ErrorCode::ToolServerEnded, "call the tool: its server ended"));
        let failed = ToolCallView { state: ToolCallState::Failed, error, ..tool_call("c1") };
        assert_eq!(result_for_model(&failed), "Error: call the tool: its server ended");
    }

    #[test]
    fn parts_are_the_whole_and_a_small_context_gets_small_ones() {
        let text = "鲸🐋abc".repeat(10);
        let mut read = String::new();
        for from in (0..50).step_by(7) {
            read += result_part(&text, from, 7 + NOTE_CHARS).split("\n[").next().expect("a part");
        }
        assert_eq!(read, text);
        assert_eq!(result_part("abc", 3, 7), "[The result has 3 characters.]");
        assert_eq!(
            [None, Some(1024), Some(4096), Some(163_840)].map(page_chars),
            [16_000, 1000, 3072, 16_000]
        );
    }
}
