//! JSON lines on standard output: what the starter needs to know.
use std::io::Write;

use serde::Serialize;
use serde_json::Value;

#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Line {
    Listening { address: String },
    Loading { done: u64, total: u64 },
    Ready { model: String, context_length: usize, threads: usize },
    Failed { error: Failure },
}

/// A code of the message catalogue, a fragment for the log, values for the words.
#[derive(Debug, Serialize)]
pub struct Failure {
    pub code: &'static str,
    pub message: String,
    pub detail: Value,
}

/// Prints one line. A starter that went away is noticed elsewhere, so a broken pipe is nothing here.
pub fn say(line: &Line) {
    let mut out = std::io::stdout().lock();
    let text = serde_json::to_string(line).expect("a line is plain data");
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
