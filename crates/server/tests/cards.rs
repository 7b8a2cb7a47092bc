//! Each reason why a start on a card fails, shown without a card: a driver made for the test is found in
//! place of NVIDIA's. What a person reads of it is held in both languages.
#![cfg(target_os = "linux")]
mod worker_program;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use contract::{ErrorCode, ErrorView};
use messages::{Lang, terminal_text};
use serde_json::Value;
use worker_program::Worker;

fn guide() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/guide-model")
}

fn program(stub: &str, driver: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_whaledeck-engine"));
    command.env("LD_LIBRARY_PATH", driver).env("STUB", stub).stdout(Stdio::piped());
    command
}

fn start(stub: &str, driver: &Path, place: &str) -> Worker {
    let mut command = program(stub, driver);
    command.args(["serve", "--place", place, "--model"]).arg(guide());
    Worker::from_child(command.spawn().expect("the worker starts"))
}

fn failure(stub: &str, driver: &Path, place: &str) -> ErrorView {
    let error = start(stub, driver, place).wait_for("failed").0["error"].clone();
    let code: ErrorCode = serde_json::from_value(error["code"].clone()).expect("a known code");
    let view = ErrorView::new(code, error["message"].as_str().expect("a message"));
    let detail = error["detail"].as_object().expect("values");
    detail.iter().fold(view, |view, (name, value)| {
        view.with(name, value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    })
}

fn places(stub: &str, driver: &Path) -> Value {
    let output = program(stub, driver).arg("places").output().expect("it runs");
    serde_json::from_slice(&output.stdout).expect("it is JSON")
}

#[test]
fn each_reason_has_its_code_and_words_in_both_languages() {
    let folder = tempfile::tempdir().expect("a folder");
    let (driver, nothing) = (folder.path(), Path::new("/nowhere"));
    testkit::driver_stub(driver, "");
    if places("good", driver)["cards"][0]["reason"]["code"] == "no_kernels" {
        assert_eq!(failure("good", driver, "card").code, ErrorCode::CardNoKernels);
        println!("not run: this build has no kernels, which it says before any other reason");
        return;
    }
    let mut text = String::new();
    for (stub, folder, place, code) in [
        ("old", driver, "card", ErrorCode::CardDriverOld),
        ("turing", driver, "card", ErrorCode::CardUnsupported),
        ("small", driver, "card", ErrorCode::CardMemory),
        ("full", driver, "card", ErrorCode::CardMemory),
        ("good", driver, "card:7", ErrorCode::CardMissing),
        ("broken", driver, "card", ErrorCode::CardFailed),
        ("two", driver, "card:0", ErrorCode::CardFailed),
        // Its kernels write nothing.
        ("good", driver, "card", ErrorCode::CardUnchecked),
        ("lost", driver, "card", ErrorCode::CardFailed),
    ] {
        let error = failure(stub, folder, place);
        assert_eq!(error.code, code, "{stub}: {error:?}");
        for lang in [Lang::En, Lang::Zh] {
            text += &format!("{stub} {place}: {}\n", terminal_text(&error, lang));
        }
    }
    insta::assert_snapshot!("reasons", text);
    if std::env::var_os("WHALEDECK_TEST_PLACE").is_none() {
        assert_eq!(failure("", nothing, "card").code, ErrorCode::GpuDriverMissing);
    }
}

#[test]
fn auto_takes_the_processor_and_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    testkit::driver_stub(folder.path(), "");
    let kernels = places("good", folder.path())["cards"][0]["reason"]["code"] != "no_kernels";
    for (stub, code) in [("old", "driver_too_old"), ("small", "memory"), ("good", "unchecked")] {
        let code = if kernels || stub == "old" { code } else { "no_kernels" };
        let ready = start(stub, folder.path(), "auto").wait_for("ready").0;
        let place = &ready["place"];
        assert_eq!((place["kind"].as_str(), place["reason"]["code"].as_str()), (Some("cpu"), Some(code)));
    }
    // Without a driver there is nothing to explain; what was named is not replaced.
    let plain = start("good", folder.path(), "cpu").wait_for("ready").0;
    assert_eq!((plain["place"]["kind"].as_str(), &plain["place"]["reason"]), (Some("cpu"), &Value::Null));
}
