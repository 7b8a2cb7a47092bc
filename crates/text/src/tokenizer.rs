//! `tokenizer.json`, and the ids that end an answer.
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Why text cannot be handled.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    #[error("read {path}: {reason}")]
    Read { path: PathBuf, reason: String },
    #[error("turn text into tokens: {0}")]
    Encode(String),
    #[error("turn tokens into text: {0}")]
    Decode(String),
    #[error("apply the chat template: {0}")]
    Template(String),
}

/// A model's own tokenizer.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    end_tokens: Vec<u32>,
}

impl Tokenizer {
    /// Reads `tokenizer.json` of a model folder, and the end tokens its configuration files name.
    ///
    /// # Errors
    /// A missing or invalid file.
    pub fn open(dir: &Path) -> Result<Self, TextError> {
        let path = dir.join("tokenizer.json");
        let inner = tokenizers::Tokenizer::from_file(&path)
            .map_err(|error| TextError::Read { path, reason: error.to_string() })?;
        let mut end_tokens: Vec<u32> = ["generation_config.json", "config.json"]
            .iter()
            .flat_map(|name| end_ids(&dir.join(name)))
            .collect();
        end_tokens.extend(inner.token_to_id("<｜end▁of▁sentence｜>"));
        end_tokens.sort_unstable();
        end_tokens.dedup();
        Ok(Self { inner, end_tokens })
    }

    /// The template writes every special token itself, so none is added here.
    ///
    /// # Errors
    /// When the tokenizer refuses the text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, TextError> {
        let encoding =
            self.inner.encode(text, false).map_err(|error| TextError::Encode(error.to_string()))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// Special tokens are left out.
    ///
    /// # Errors
    /// When the tokenizer refuses the ids.
    pub fn decode(&self, ids: &[u32]) -> Result<String, TextError> {
        self.inner.decode(ids, true).map_err(|error| TextError::Decode(error.to_string()))
    }

    /// Tokens that end an answer.
    pub fn end_tokens(&self) -> &[u32] {
        &self.end_tokens
    }
}

/// `eos_token_id` of a file: one number, a list, or nothing.
fn end_ids(path: &Path) -> Vec<u32> {
    let value: Value =
        std::fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
    let ids = &value["eos_token_id"];
    let list = ids.as_array().cloned().unwrap_or_else(|| vec![ids.clone()]);
    list.iter().filter_map(|id| u32::try_from(id.as_u64()?).ok()).collect()
}
