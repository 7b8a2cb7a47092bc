//! Errors of configurations. They always name the field, and the supported values where a value is refused.
//! Display completes "failed to"; the codes that cross to the app are chosen in `failure.rs`.
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("read {path}: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("parse {path}: {reason}")]
    Invalid { path: PathBuf, reason: String },
    #[error("run the model: {field} is {value:?}, supported: {known}")]
    Unsupported { field: &'static str, value: String, known: &'static str },
}

impl ConfigError {
    /// The caller that knows the path fills it in.
    pub(crate) fn invalid(reason: impl Into<String>) -> Self {
        Self::Invalid { path: PathBuf::new(), reason: reason.into() }
    }

    pub(crate) fn unsupported(field: &'static str, value: impl ToString, known: &'static str) -> Self {
        Self::Unsupported { field, value: value.to_string(), known }
    }
}
