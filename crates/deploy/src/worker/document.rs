//! Runs the worker program to read a document. A file that crashes it, or takes too much of time or memory,
//! is an error like any other.
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use protocol::extract_limits::{CPU_SECONDS, MEMORY};
use protocol::{ErrorCode, ExtractArgs, ExtractedDocument, WorkerLine};

use super::run::{lines, reported_failure, run_worker};
use crate::Failure;

/// The processor's time is limited there; a slow disk gets some more.
const TIMEOUT: Duration = Duration::from_secs(CPU_SECONDS + 30);

/// The text of a document. `name` is that of its file.
///
/// # Errors
/// Why it is not read.
pub async fn extract_document(
    binary: &Path,
    name: &str,
    content: Vec<u8>,
) -> Result<ExtractedDocument, Failure> {
    let output = run(binary, ExtractArgs { name: name.to_owned(), page: None }, content).await?;
    let found = lines(&output).find_map(|line| match line {
        WorkerLine::Extracted { document } => Some(document),
        _ => None,
    });
    found.ok_or_else(crashed)
}

/// A page of a PDF as PNG. `page` counts from 1.
///
/// # Errors
/// Why there is no picture of it.
pub async fn document_page(binary: &Path, content: Vec<u8>, page: u32) -> Result<Vec<u8>, Failure> {
    let output = run(binary, ExtractArgs { name: String::new(), page: Some(page) }, content).await?;
    Ok(output.stdout)
}

async fn run(binary: &Path, args: ExtractArgs, content: Vec<u8>) -> Result<Output, Failure> {
    match run_worker(binary, args.to_args(), content, TIMEOUT, "read the document").await? {
        Some(output) if output.status.success() => Ok(output),
        Some(output) => Err(reported_failure(&output).unwrap_or_else(crashed)),
        None => Err(crashed()),
    }
}

fn crashed() -> Failure {
    Failure::new(ErrorCode::DocumentFailed, "read the document: its reader ended")
        .with("seconds", CPU_SECONDS.to_string())
        .with("total", MEMORY.0.to_string())
}
