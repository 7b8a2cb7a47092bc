//! A file of prompts, to take them to another computer or to share them. An imported file is untrusted
//! input: nothing of it is added unless all of it is valid.
use std::path::Path;

use contract::{ErrorCode, ErrorView};
use serde::{Deserialize, Serialize};

use crate::convert::storage_error;

const FORMAT: &str = "whaledeck-prompts";
const VERSION: u32 = 1;
/// More than any library needs.
const MAX_BYTES: u64 = 16 << 20;

#[derive(Serialize, Deserialize)]
struct File {
    format: String,
    version: u32,
    prompts: Vec<PromptEntry>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PromptEntry {
    pub name: String,
    pub text: String,
}

pub(super) fn write(prompts: Vec<PromptEntry>) -> Result<Vec<u8>, ErrorView> {
    let file = File { format: FORMAT.into(), version: VERSION, prompts };
    serde_json::to_vec_pretty(&file).map_err(|error| ErrorView::new(ErrorCode::Internal, error.to_string()))
}

/// # Errors
/// A file that is none, of a newer version, or that cannot be read.
pub(super) fn read(path: &Path) -> Result<Vec<PromptEntry>, ErrorView> {
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => invalid(path, &error.to_string()),
        _ => storage_error("read the prompts", path, &error),
    };
    let length = std::fs::metadata(path).map_err(failed)?.len();
    if length > MAX_BYTES {
        return Err(invalid(path, &format!("it has {length} bytes")));
    }
    let text = std::fs::read(path).map_err(failed)?;
    let file: File = serde_json::from_slice(&text).map_err(|error| invalid(path, &error.to_string()))?;
    if file.format != FORMAT || file.version != VERSION {
        return Err(invalid(path, &format!("it is {} of version {}", file.format, file.version)));
    }
    Ok(file.prompts)
}

pub(super) fn invalid(path: &Path, reason: &str) -> ErrorView {
    ErrorView::new(ErrorCode::PromptFileInvalid, format!("read the prompts: {reason}"))
        .with("path", path.display())
}
