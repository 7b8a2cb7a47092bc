//! The state machine of a worker: from a state and a line, an exit or a stop request to the next state. Pure:
//! knows no process, no pipe and no clock.
use protocol::{ErrorCode, WorkerLine, WorkerPlace};

use crate::Failure;

#[derive(Debug, Clone, PartialEq)]
pub enum State {
    Stopped,
    Starting,
    Loading { done: u64, total: u64 },
    Ready { context_length: u32, place: WorkerPlace },
    Draining,
    Failed(Failure),
}

#[derive(Debug)]
pub(crate) enum Input {
    Line(WorkerLine),
    Exited { code: Option<i32>, signal: Option<i32> },
    StopRequested,
}

/// The state after `input`. Lines after a stop request or a failure change nothing.
pub(crate) fn step(state: State, input: Input) -> State {
    match (state, input) {
        (State::Stopped, _) => State::Stopped,
        (_, Input::StopRequested) => State::Draining,
        (State::Draining, Input::Exited { .. }) => State::Stopped,
        (state @ (State::Draining | State::Failed(_)), _) => state,
        (_, Input::Exited { code, signal }) => State::Failed(exit_failure(code, signal)),
        (_, Input::Line(WorkerLine::Failed { error })) => State::Failed(error.into()),
        (_, Input::Line(WorkerLine::Ready { context_length, threads, place, .. })) => {
            let place = place.unwrap_or(WorkerPlace::Cpu { threads, reason: None });
            State::Ready { context_length: context_length.0, place }
        }
        (State::Starting | State::Loading { .. }, Input::Line(WorkerLine::Loading { done, total })) => {
            State::Loading { done: done.0, total: total.0 }
        }
        (
            state,
            Input::Line(
                WorkerLine::Loading { .. }
                | WorkerLine::Listening { .. }
                | WorkerLine::Checked { .. }
                | WorkerLine::Extracted { .. },
            ),
        ) => state,
    }
}

fn exit_failure(code: Option<i32>, signal: Option<i32>) -> Failure {
    let status = match (code, signal) {
        (Some(code), _) => format!("code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "unknown".to_owned(),
    };
    Failure::new(ErrorCode::WorkerDied, format!("the worker ended unexpectedly with {status}"))
        .with("status", status)
}

#[cfg(test)]
mod tests {
    use super::*;

    const READY: State =
        State::Ready { context_length: 4096, place: WorkerPlace::Cpu { threads: 8, reason: None } };
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
        line(
            r#"{"event":"failed","error":{"code":"disk_full","message":"m","detail":{"file":"a","bytes":7}}}"#,
        )
    }

    fn exited(code: Option<i32>, signal: Option<i32>) -> Input {
        Input::Exited { code, signal }
    }

    fn broken() -> State {
        State::Failed(Failure::new(ErrorCode::DiskFull, "m").with("file", "a").with("bytes", "7"))
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
    fn an_unknown_code_is_internal_and_keeps_its_name() {
        let odd = line(r#"{"event":"failed","error":{"code":"odd","message":"m"}}"#);
        let failure = Failure::new(ErrorCode::Internal, "odd: m").with("code", "odd");
        assert_eq!(step(State::Starting, odd), State::Failed(failure));
    }

    #[test]
    fn an_unasked_end_is_a_failure() {
        for state in [State::Starting, LOADING, READY] {
            for (code, signal, status) in
                [(Some(0), None, "code 0"), (None, Some(9), "signal 9"), (None, None, "unknown")]
            {
                let State::Failed(failure) = step(state.clone(), exited(code, signal)) else {
                    panic!("not failed")
                };
                assert_eq!(
                    (failure.code.as_str(), failure.detail["status"].as_str()),
                    ("worker_died", status)
                );
            }
        }
    }

    #[test]
    fn a_stop_drains_then_stops() {
        for state in [State::Starting, LOADING, READY, State::Draining, broken()] {
            assert_eq!(step(state, Input::StopRequested), State::Draining);
        }
        for late in [listening(), loading(), ready(), failed()] {
            assert_eq!(step(State::Draining, late), State::Draining);
        }
        assert_eq!(step(State::Draining, exited(None, Some(15))), State::Stopped);
    }

    #[test]
    fn stopped_is_the_end() {
        for input in [Input::StopRequested, ready(), failed(), exited(Some(0), None)] {
            assert_eq!(step(State::Stopped, input), State::Stopped);
        }
    }
}
