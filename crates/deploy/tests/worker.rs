//! The life of a worker process: start, failure, stop and kill, with fake_worker.sh instead of the program.
//! The real program is tested in `server` and in tests/it.
#![cfg(target_os = "linux")]
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use deploy::{State, Worker, WorkerSpec};
use protocol::{PlaceChoice, WorkerPlace};

type States = Arc<Mutex<Vec<State>>>;

fn start_at(binary: PathBuf, name: &str) -> (Worker, States) {
    let states = States::default();
    let sink = states.clone();
    let spec = WorkerSpec {
        binary,
        model_dir: "/nowhere".into(),
        model_name: name.into(),
        context: 512,
        place: PlaceChoice::Auto,
        shrink: None,
        api_access: None,
    };
    let worker = Worker::start(spec, Arc::new(move |state| sink.lock().unwrap().push(state.clone())));
    (worker, states)
}

fn start(name: &str) -> (Worker, States) {
    start_at(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fake_worker.sh"), name)
}

#[tokio::test]
async fn ready_then_stopped() {
    let (worker, states) = start("ready");
    worker.ready().await.unwrap();
    let ready = State::Ready { context_length: 512, place: WorkerPlace::Cpu { threads: 3, reason: None } };
    assert_eq!(worker.state(), ready);
    assert!(worker.pid().is_some() && worker.memory().unwrap() > 0);
    worker.stop().await;
    assert_eq!((worker.state(), worker.pid(), worker.memory()), (State::Stopped, None, None));
    let all = [State::Starting, State::Loading { done: 1, total: 2 }, ready, State::Draining, State::Stopped];
    assert_eq!(*states.lock().unwrap(), all);
    assert_eq!(worker.ready().await.err().unwrap().code, "not_loaded");
}

#[tokio::test]
async fn a_failed_line_outlives_the_exit() {
    let (worker, _) = start("failed");
    let failure = worker.ready().await.err().unwrap();
    assert_eq!((failure.code.as_str(), failure.detail["bytes"].as_str()), ("model_file_truncated", "5"));
    while worker.pid().is_some() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(worker.state(), State::Failed(failure));
    worker.stop().await;
    assert_eq!(worker.state(), State::Stopped);
}

#[tokio::test]
async fn a_signal_is_named() {
    let failure = start("killed").0.ready().await.err().unwrap();
    assert_eq!((failure.code.as_str(), failure.detail["status"].as_str()), ("worker_died", "signal 9"));
}

#[tokio::test]
async fn a_stubborn_worker_is_killed() {
    let (worker, _) = start("stubborn");
    worker.ready().await.unwrap();
    let start = Instant::now();
    worker.stop().await;
    assert_eq!(worker.state(), State::Stopped);
    assert!(start.elapsed() >= Duration::from_secs(2));
}

#[tokio::test]
async fn a_missing_program_is_a_state() {
    let (worker, _) = start_at("/nowhere/worker".into(), "ready");
    assert_eq!(worker.ready().await.err().unwrap().code, "worker_missing");
    worker.stop().await;
    assert_eq!(worker.state(), State::Stopped);
}

#[tokio::test]
async fn a_dropped_worker_leaves_no_process() {
    let (worker, _) = start("ready");
    worker.ready().await.unwrap();
    let status = format!("/proc/{}/cmdline", worker.pid().unwrap());
    drop(worker);
    let until = Instant::now() + Duration::from_secs(5);
    // An empty command line is a zombie.
    while std::fs::read(&status).is_ok_and(|text| !text.is_empty()) {
        assert!(Instant::now() < until, "still runs");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
