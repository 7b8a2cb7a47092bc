//! The real `whaledeck-cli` where nobody reads what it prints any more, as after `| head -1`: it ends without a word.
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// As a shell counts a program that SIGPIPE ended.
const NOBODY_READS: Option<i32> = Some(141);

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

/// The end to write to of a pipe whose other end is closed.
fn unread() -> std::io::PipeWriter {
    std::io::pipe().expect("a pipe").1
}

fn quiet(args: &[&str], output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), NOBODY_READS, "{args:?}: {said}");
    assert!(!said.contains("panicked") && !said.contains("failed"), "{args:?}: {said}");
}

#[test]
fn a_closed_pipe_ends_every_printing_command_without_a_word() {
    let data = tempfile::tempdir().expect("a folder");
    for args in PRINTING {
        let output = cli(data.path(), args).stdout(unread()).output().expect("the program runs");
        quiet(args, &output);
    }
}

#[test]
fn a_refusal_that_nobody_reads_is_no_panic_either() {
    let data = tempfile::tempdir().expect("a folder");
    let args = ["cards", "--model", "no-such-model"];
    let output = cli(data.path(), &args).stderr(unread()).output().expect("the program runs");
    assert!(output.stdout.is_empty());
    quiet(&args, &output);
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
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("failed to print: ") && !said.contains("panicked"), "{said}");
}
