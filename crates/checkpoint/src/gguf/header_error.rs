//! What is wrong with the header of a GGUF file, whichever part of it was read: a value, a name or a tensor
//! info.

/// An invalid header. The caller adds the path.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    #[error("the file ends before byte {expected}")]
    Truncated { expected: u64 },
    #[error("{0}")]
    Invalid(String),
    /// The file is valid, with an unsupported tensor type.
    #[error("tensor {tensor} is stored as {format}, which is not supported")]
    Format { tensor: String, format: String },
}

impl HeaderError {
    pub(super) fn invalid(reason: impl Into<String>) -> Self {
        Self::Invalid(reason.into())
    }
}
