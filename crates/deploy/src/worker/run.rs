//! Runs the worker program for one task that ends by itself, and reads the JSON line of its result.
//! What the program reads comes by its standard input.
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use protocol::{ErrorCode, WorkerLine};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use crate::Failure;

/// The output of the program, whatever its status; `None` when the time is over. `input` is its standard
/// input.
///
/// # Errors
/// A program that cannot be started. `what` reads after "failed to".
pub async fn run_worker(
    binary: &Path,
    args: Vec<OsString>,
    input: Vec<u8>,
    most: Duration,
    what: &str,
) -> Result<Option<Output>, Failure> {
    let run = async {
        let mut child = Command::new(binary)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // A program that ends early has said why.
            tokio::spawn(async move { stdin.write_all(&input).await });
        }
        child.wait_with_output().await
    };
    let failed = |code: ErrorCode, message: String| {
        Failure::new(code, message).with("path", binary.display().to_string())
    };
    match timeout(most, run).await {
        Ok(Ok(output)) => Ok(Some(output)),
        Ok(Err(error)) if error.kind() == ErrorKind::NotFound => {
            Err(failed(ErrorCode::WorkerMissing, format!("{what}: {error}")))
        }
        Ok(Err(error)) => Err(failed(ErrorCode::WorkerStartFailed, format!("{what}: {error}"))),
        Err(_) => Ok(None),
    }
}

/// The lines of an output that are JSON of the protocol.
pub fn lines(output: &Output) -> impl DoubleEndedIterator<Item = WorkerLine> {
    output.stdout.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok())
}

/// The failure that the program reported.
pub fn reported_failure(output: &Output) -> Option<Failure> {
    lines(output).rev().find_map(|line| match line {
        WorkerLine::Failed { error } => Some(Failure::from(error)),
        _ => None,
    })
}
