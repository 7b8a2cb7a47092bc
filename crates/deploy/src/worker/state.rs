//! What a worker's lines and its end mean, as a pure machine. Knows nothing of processes, pipes or time.
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// A code of the message catalogue, a fragment for the log, values for the words.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Failure {
    pub code: String,
    pub message: String,
    pub detail: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum State {
    Stopped,
    Starting,
    Loading { done: u64, total: u64 },
    Ready { context_length: u32, threads: u32 },
    Draining,
    Failed(Failure),
}

/// One line the worker printed.
#[derive(Debug, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Line {
    Listening { address: String },
    Loading { done: u64, total: u64 },
    Ready { context_length: u32, threads: u32 },
    Failed { error: Reported },
}

#[derive(Debug, Deserialize)]
pub(crate) struct Reported {
    code: String,
    message: String,
    #[serde(default)]
    detail: Value,
}

#[derive(Debug)]
pub(crate) enum Input {
    Line(Line),
    Exited { code: Option<i32>, signal: Option<i32> },
    StopAsked,
}

impl Failure {
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), detail: BTreeMap::new() }
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.detail.insert(name.to_owned(), value.into());
        self
    }
}

impl From<Reported> for Failure {
    fn from(reported: Reported) -> Self {
        let mut failure = Failure::new(&reported.code, reported.message);
        if let Value::Object(values) = reported.detail {
            for (name, value) in values {
                let text = match value {
                    Value::String(text) => text,
                    other => other.to_string(),
                };
                failure = failure.with(&name, text);
            }
        }
        failure
    }
}

/// The state after `input`. Lines that come too late, after an end was asked for or reported, change nothing.
pub(crate) fn step(state: State, input: Input) -> State {
    match (state, input) {
        (State::Stopped, _) => State::Stopped,
        (_, Input::StopAsked) => State::Draining,
        (State::Draining, Input::Exited { .. }) => State::Stopped,
        (state @ (State::Draining | State::Failed(_)), _) => state,
        (_, Input::Exited { code, signal }) => State::Failed(died(code, signal)),
        (_, Input::Line(Line::Failed { error })) => State::Failed(error.into()),
        (_, Input::Line(Line::Ready { context_length, threads })) => State::Ready { context_length, threads },
        (State::Starting | State::Loading { .. }, Input::Line(Line::Loading { done, total })) => {
            State::Loading { done, total }
        }
        (state, Input::Line(Line::Loading { .. } | Line::Listening { .. })) => state,
    }
}

fn died(code: Option<i32>, signal: Option<i32>) -> Failure {
    let status = match (code, signal) {
        (Some(code), _) => format!("code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "unknown".to_owned(),
    };
    Failure::new("worker_died", format!("worker ended unasked with {status}")).with("status", status)
}

#[cfg(test)]
mod tests {
    use super::*;

    const READY: State = State::Ready { context_length: 4096, threads: 8 };
    const LOADING: State = State::Loading { done: 1, total: 4 };

    fn line(text: &str) -> Input {
        Input::Line(serde_json::from_str(text).unwrap())
    }

    fn listening() -> Input {
        line(r#"{"event":"listening","address":"http://127.0.0.1:1"}"#)
    }

    fn loading() -> Input {
        line(r#"{"event":"loading","done":1,"total":4}"#)
    }

    fn ready() -> Input {
        line(r#"{"event":"ready","model":"m","context_length":4096,"threads":8}"#)
    }

    fn failed() -> Input {
        line(r#"{"event":"failed","error":{"code":"c","message":"m","detail":{"file":"a","bytes":7}}}"#)
    }

    fn exited(code: Option<i32>, signal: Option<i32>) -> Input {
        Input::Exited { code, signal }
    }

    fn broken() -> State {
        State::Failed(Failure::new("c", "m").with("file", "a").with("bytes", "7"))
    }

    #[test]
    fn lines_move_a_start_forward() {
        assert_eq!(step(State::Starting, listening()), State::Starting);
        assert_eq!(step(State::Starting, loading()), LOADING);
        assert_eq!(step(LOADING, loading()), LOADING);
        assert_eq!(step(LOADING, listening()), LOADING);
        assert_eq!(step(State::Starting, ready()), READY);
        assert_eq!(step(LOADING, ready()), READY);
        assert_eq!(step(READY, loading()), READY);
    }

    #[test]
    fn a_failed_line_is_kept() {
        for state in [State::Starting, LOADING, READY] {
            assert_eq!(step(state, failed()), broken());
        }
        assert_eq!(step(broken(), exited(Some(1), None)), broken());
        assert_eq!(step(broken(), ready()), broken());
    }

    #[test]
    fn an_unasked_end_is_a_failure() {
        for state in [State::Starting, LOADING, READY] {
            for (code, signal, words) in
                [(Some(0), None, "code 0"), (None, Some(9), "signal 9"), (None, None, "unknown")]
            {
                let State::Failed(failure) = step(state.clone(), exited(code, signal)) else {
                    panic!("not failed")
                };
                assert_eq!(
                    (failure.code.as_str(), failure.detail["status"].as_str()),
                    ("worker_died", words)
                );
            }
        }
    }

    #[test]
    fn a_stop_drains_then_stops() {
        for state in [State::Starting, LOADING, READY, State::Draining, broken()] {
            assert_eq!(step(state, Input::StopAsked), State::Draining);
        }
        for late in [listening(), loading(), ready(), failed()] {
            assert_eq!(step(State::Draining, late), State::Draining);
        }
        assert_eq!(step(State::Draining, exited(None, Some(15))), State::Stopped);
    }

    #[test]
    fn stopped_is_the_end() {
        for input in [Input::StopAsked, ready(), failed(), exited(Some(0), None)] {
            assert_eq!(step(State::Stopped, input), State::Stopped);
        }
    }
}
