//! A file of prompts, to take them to another computer or to share them. An imported file is untrusted
//! input: nothing of it is added unless all of it is valid.
use std::path::Path;

use contract::{ErrorCode, ErrorView};
use serde::{Deserialize, Serialize};

use crate::exchange_file::{ExchangeFile, Header};

const KIND: ExchangeFile = ExchangeFile {
    format: "whaledeck-prompts",
    version: 1,
    // More than any library needs.
    max_bytes: 16 << 20,
    action: "read the prompts",
    invalid: ErrorCode::PromptFileInvalid,
};

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
    let file = File { format: KIND.format.into(), version: KIND.version, prompts };
    serde_json::to_vec_pretty(&file).map_err(|error| ErrorView::new(ErrorCode::Internal, error.to_string()))
}

impl Header for File {
    fn format(&self) -> &str {
        &self.format
    }

    fn version(&self) -> u32 {
        self.version
    }
}

/// # Errors
/// As [`ExchangeFile::read`].
pub(super) fn read(path: &Path) -> Result<Vec<PromptEntry>, ErrorView> {
    KIND.read(path).map(|file: File| file.prompts)
}

pub(super) fn invalid(path: &Path, reason: &str) -> ErrorView {
    KIND.invalid(path, reason)
}
