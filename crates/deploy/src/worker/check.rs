//! Runs the worker program to check whether it would start a model, without starting it. Knows nothing of
//! models.
use std::path::Path;
use std::time::Duration;

use protocol::{ErrorCode, InspectArgs, WorkerLine};

use super::run::{lines, reported_failure, run_worker};
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
    let args = InspectArgs { file: model.to_owned(), json: false, check: true }.to_args();
    let failed = |code: ErrorCode, message: &str| {
        Failure::new(code, message).with("path", binary.display().to_string())
    };
    let Some(output) = run_worker(binary, args, Vec::new(), TIMEOUT, "check the model").await? else {
        return Err(failed(ErrorCode::ModelFileUnreadable, "check the model: timeout"));
    };
    if output.status.success() {
        let told = lines(&output).find_map(|line| match line {
            WorkerLine::Checked { switches_reasoning } => Some(CheckedModel { switches_reasoning }),
            _ => None,
        });
        return Ok(told.unwrap_or_default());
    }
    let status = output.status.to_string();
    Err(reported_failure(&output)
        .unwrap_or_else(|| failed(ErrorCode::WorkerDied, "check the model").with("status", status)))
}
