//! The real program on the Guide model: its lines, its errors and its end. What it answers is checked in
//! `clients`.
mod worker_program;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use worker_program::Worker;

fn guide() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/guide-model")
}

fn failure(model: &Path, more: &[&str]) -> Value {
    let mut worker = Worker::start(model, more);
    let error = worker.wait_for("failed").0["error"].clone();
    assert!(!worker.child.wait().expect("it ends").success());
    error
}

#[test]
fn loading_is_told_in_bytes_before_ready() {
    let mut worker = Worker::start(&guide(), &["--model-name", "guide"]);
    let listening = worker.wait_for("listening").0;
    assert!(listening["address"].as_str().expect("an address").starts_with("http://127.0.0.1:"));
    let (ready, loading) = worker.wait_for("ready");
    assert_eq!(ready["model"], "guide");
    let done: Vec<u64> = loading.iter().map(|line| line["done"].as_u64().expect("bytes")).collect();
    assert!(done.len() > 3 && done.is_sorted(), "{done:?}");
}

#[test]
fn broken_models_and_taken_ports_have_their_codes() {
    let copy = tempfile::tempdir().expect("a folder");
    for entry in std::fs::read_dir(guide()).expect("the Guide is there") {
        let path = entry.expect("an entry").path();
        std::fs::copy(&path, copy.path().join(path.file_name().expect("a name"))).expect("copied");
    }
    let config = std::fs::read_to_string(copy.path().join("config.json")).expect("read");
    std::fs::write(copy.path().join("config.json"), config.replace("sigmoid", "tanh")).expect("written");
    let refused = failure(copy.path(), &[]);
    assert_eq!(
        (refused["code"].as_str(), refused["detail"]["field"].as_str()),
        (Some("model_unsupported"), Some("scoring_func"))
    );

    std::fs::write(copy.path().join("config.json"), config).expect("written");
    let weights = copy.path().join("model.safetensors");
    let bytes = std::fs::read(&weights).expect("read");
    std::fs::write(&weights, &bytes[..bytes.len() / 2]).expect("written");
    assert_eq!(failure(copy.path(), &[])["code"], "model_file_truncated");

    assert_eq!(failure(Path::new("/nowhere"), &[])["code"], "model_not_found");

    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let refused = failure(&guide(), &["--port", &port]);
    assert_eq!(
        (refused["code"].as_str(), refused["detail"]["port"].to_string()),
        (Some("port_in_use"), port)
    );
}

#[test]
fn it_ends_when_its_parent_is_gone() {
    let mut parent = Command::new("sleep").arg("600").spawn().expect("sleep starts");
    let mut worker = Worker::start(&guide(), &["--parent-pid", &parent.id().to_string()]);
    worker.ready();
    parent.kill().expect("killed");
    parent.wait().expect("gone");
    let start = Instant::now();
    while worker.child.try_wait().expect("asked").is_none() {
        assert!(start.elapsed() < Duration::from_secs(10), "it outlives its parent");
        std::thread::sleep(Duration::from_millis(50));
    }
}
