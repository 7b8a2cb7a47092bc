//! The real `whaledeck-cli` with a closed output pipe, as after `| head -1`: it exits with the code of
//! SIGPIPE and prints no error.
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The exit code of a shell for a program that SIGPIPE ended.
const SIGPIPE_EXIT: Option<i32> = Some(141);

const PRINTING: [&[&str]; 13] = [
    &["hardware"],
    &["hardware", "--json"],
    &["recommend"],
    &["recommend", "--json"],
    &["models"],
    &["models", "--json"],
    &["plan", "--model", "deepseek-r1", "--gpus", "8xH200"],
    &["plan", "--model", "deepseek-r1", "--gpus", "8xH200", "--render", "shell"],
    &["cards", "--model", "deepseek-r1"],
    &["sizing", "--model", "deepseek-r1"],
    &["sizing", "--model", "deepseek-r1", "--picture"],
    &["endpoints", "providers"],
    &["connections"],
];

fn cli(data: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_whaledeck-cli"));
    command.args(args).env("WHALEDECK_DATA", data).stdin(Stdio::null());
    command
}

/// The write end of a pipe whose read end is closed.
fn closed_pipe() -> std::io::PipeWriter {
    std::io::pipe().expect("a pipe").1
}

fn assert_quiet(args: &[&str], output: &Output) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), SIGPIPE_EXIT, "{args:?}: {stderr}");
    assert!(!stderr.contains("panicked") && !stderr.contains("failed"), "{args:?}: {stderr}");
}

#[test]
fn a_closed_pipe_ends_every_printing_command_without_a_word() {
    let data = tempfile::tempdir().expect("a folder");
    for args in PRINTING {
        let output = cli(data.path(), args).stdout(closed_pipe()).output().expect("the program runs");
        assert_quiet(args, &output);
    }
}

#[test]
fn a_refusal_that_nobody_reads_is_no_panic_either() {
    let data = tempfile::tempdir().expect("a folder");
    let args = ["cards", "--model", "no-such-model"];
    let output = cli(data.path(), &args).stderr(closed_pipe()).output().expect("the program runs");
    assert!(output.stdout.is_empty());
    assert_quiet(&args, &output);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told() {
    let data = tempfile::tempdir().expect("a folder");
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("is there");
    let output = cli(data.path(), &["cards", "--model", "deepseek-r1"])
        .stdout(full)
        .output()
        .expect("the program runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.starts_with("failed to print: ") && !stderr.contains("panicked"), "{stderr}");
}
