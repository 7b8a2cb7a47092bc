//! Runs the worker program to check whether it would start a model, without starting it. Knows nothing of
//! models.
use std::io::ErrorKind;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use protocol::{ErrorCode, InspectArgs, WorkerLine};
use tokio::process::Command;
use tokio::time::timeout;

use crate::Failure;

/// Reading a vocabulary takes a second or two; from a network drive longer.
const TIMEOUT: Duration = Duration::from_secs(120);

/// `Ok` when a start would get as far as loading the weights.
///
/// # Errors
/// The failure of a start.
pub async fn check_model(binary: &Path, model: &Path) -> Result<(), Failure> {
    let path = binary.display().to_string();
    let command = Command::new(binary)
        .args(InspectArgs { file: model.to_owned(), json: false, check: true }.to_args())
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let failed = |code: ErrorCode, message: String| Failure::new(code, message).with("path", &path);
    let output = match timeout(TIMEOUT, command).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) if error.kind() == ErrorKind::NotFound => {
            return Err(failed(ErrorCode::WorkerMissing, format!("check the model: {error}")));
        }
        Ok(Err(error)) => {
            return Err(failed(ErrorCode::WorkerStartFailed, format!("check the model: {error}")));
        }
        Err(_) => {
            return Err(failed(ErrorCode::ModelFileUnreadable, "check the model: timeout".to_owned()));
        }
    };
    if output.status.success() {
        return Ok(());
    }
    let lines = output.stdout.split(|byte| *byte == b'\n');
    let mut failures = lines.filter_map(|line| match serde_json::from_slice(line) {
        Ok(WorkerLine::Failed { error }) => Some(Failure::from(error)),
        _ => None,
    });
    let status = output.status.to_string();
    Err(failures.next_back().unwrap_or_else(|| {
        failed(ErrorCode::WorkerDied, "check the model".to_owned()).with("status", status)
    }))
}
