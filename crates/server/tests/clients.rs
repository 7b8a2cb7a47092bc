//! The official clients of OpenAI and Anthropic, in Python and TypeScript, against the real program on the
//! Guide model. The scripts are in `tests/clients`.
mod worker_program;

use std::path::Path;
use std::process::Command;

use worker_program::{KEY, Worker};

/// Runs a script against a worker of its own. `program` is a variable that `make test` sets.
fn run(program: &str, script: &str) {
    let Some(program) = std::env::var_os(program) else {
        println!("not run: {program} is not set (make test sets it)");
        return;
    };
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut worker = Worker::start(&repository.join("assets/guide-model"), &[]);
    let address = worker.ready();
    let script = repository.join("tests/clients").join(script);
    let status = Command::new(program).arg(&script).args([&address, KEY]).status().expect("it runs");
    assert!(status.success(), "{}", script.display());
}

#[test]
fn openai_chat_in_python() {
    run("WHALEDECK_PYTHON", "openai_chat.py");
}

#[test]
fn openai_responses_in_python() {
    run("WHALEDECK_PYTHON", "openai_responses.py");
}

#[test]
fn anthropic_messages_in_python() {
    run("WHALEDECK_PYTHON", "anthropic_messages.py");
}

#[test]
fn all_protocols_in_typescript() {
    run("WHALEDECK_NODE", "typescript.mjs");
}
