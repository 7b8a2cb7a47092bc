//! A model that calls tools by order of the user, as a stream of DeepSeek's dialect. Each line `call: NAME
//! JSON` of the last question is a call of the first round, each line `then: NAME JSON` a round of its own.
//! After the last round it answers with what the tools returned.
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

/// Characters of a result that are repeated in the answer.
const REPEATED: usize = 200;

/// The answer to a request that offers tools; `None` to one that offers none.
pub(crate) fn answer(body: &str) -> Option<String> {
    let request: Value = serde_json::from_str(body).ok()?;
    request["tools"].as_array().filter(|tools| !tools.is_empty())?;
    let messages = request["messages"].as_array()?;
    let asked = messages.iter().rposition(|message| message["role"] == "user")?;
    let question = messages[asked]["content"].as_str().unwrap_or_default();
    let after = &messages[asked + 1..];
    let done = after.iter().filter(|message| message["tool_calls"].is_array()).count();
    let calls = match done {
        0 => lines(question, "call: "),
        done => lines(question, "then: ").into_iter().skip(done - 1).take(1).collect(),
    };
    if !calls.is_empty() {
        return Some(call_stream(&calls));
    }
    let results = after.iter().filter(|message| message["role"] == "tool");
    let results = results.map(|message| message["content"].as_str().unwrap_or_default());
    let told: Vec<String> = results.map(|result| result.chars().take(REPEATED).collect()).collect();
    let text = if told.is_empty() {
        "No tool was called.".to_owned()
    } else {
        format!("The tools returned: {}", told.join(" | "))
    };
    Some(stream(&[json!({"content": text})], "stop"))
}

/// How long the answer is kept back: a line `wait: SECONDS` of the last question.
pub(crate) fn pause(body: &str) -> Duration {
    let seconds = || -> Option<f64> {
        let request: Value = serde_json::from_str(body).ok()?;
        let asked = request["messages"].as_array()?.iter().rfind(|message| message["role"] == "user")?;
        lines(asked["content"].as_str()?, "wait: ").first()?.0.parse().ok()
    };
    Duration::try_from_secs_f64(seconds().unwrap_or(0.0)).unwrap_or_default()
}

/// The names and arguments after a mark.
fn lines<'a>(question: &'a str, mark: &str) -> Vec<(&'a str, &'a str)> {
    question
        .lines()
        .filter_map(|line| line.trim().strip_prefix(mark))
        .map(|call| call.split_once(' ').unwrap_or((call, "{}")))
        .collect()
}

/// Words first, then each call in three parts.
fn call_stream(calls: &[(&str, &str)]) -> String {
    let mut deltas =
        vec![json!({"reasoning_content": "A tool knows. "}), json!({"content": "Let me look. "})];
    for (index, (name, arguments)) in calls.iter().enumerate() {
        let half = arguments.floor_char_boundary(arguments.len() / 2);
        let function = json!({"name": name, "arguments": ""});
        let id = format!("call_{index}");
        deltas.push(
            json!({"tool_calls": [{"index": index, "id": id, "type": "function", "function": function}]}),
        );
        for part in [&arguments[..half], &arguments[half..]] {
            deltas.push(json!({"tool_calls": [{"index": index, "function": {"arguments": part}}]}));
        }
    }
    stream(&deltas, "tool_calls")
}

fn stream(deltas: &[Value], finish: &str) -> String {
    let mut text = String::new();
    for delta in deltas {
        let _ = write!(text, "data: {}\n\n", json!({"choices": [{"delta": delta}]}));
    }
    let usage = json!({"prompt_tokens": 20, "completion_tokens": 10});
    let end = json!({"choices": [{"delta": {}, "finish_reason": finish}], "usage": usage});
    let _ = write!(text, "data: {end}\n\ndata: [DONE]\n\n");
    text
}
