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

/// What a check tells of a model that would start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CheckedModel {
    /// Its chat template can switch reasoning on and off.
    pub switches_reasoning: bool,
}

/// `Ok` when a start would get as far as loading the weights.
///
/// # Errors
/// The failure of a start.
pub async fn check_model(binary: &Path, model: &Path) -> Result<CheckedModel, Failure> {
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
    let lines = || output.stdout.split(|byte| *byte == b'\n').map(serde_json::from_slice::<WorkerLine>);
    if output.status.success() {
        let told = lines().find_map(|line| match line {
            Ok(WorkerLine::Checked { switches_reasoning }) => Some(CheckedModel { switches_reasoning }),
            _ => None,
        });
        return Ok(told.unwrap_or_default());
    }
    let mut failures = lines().filter_map(|line| match line {
        Ok(WorkerLine::Failed { error }) => Some(Failure::from(error)),
        _ => None,
    });
    let status = output.status.to_string();
    Err(failures.next_back().unwrap_or_else(|| {
        failed(ErrorCode::WorkerDied, "check the model".to_owned()).with("status", status)
    }))
}
