//! Why a document is not read.
//! The words for the user are in the message catalogue under these codes.
use std::fmt;

use protocol::ErrorCode;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DocumentError {
    /// A kind that is not read; the detail says what it seems to be.
    Unsupported(String),
    /// It needs a password.
    Locked,
    /// It is damaged, or not what its name says.
    Invalid(String),
    /// The file, or what it unpacks to, is over a limit.
    TooLarge(String),
    /// There is no text in it.
    Empty,
}

impl DocumentError {
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Unsupported(_) => ErrorCode::DocumentUnsupported,
            Self::Locked => ErrorCode::DocumentLocked,
            Self::Invalid(_) => ErrorCode::DocumentInvalid,
            Self::TooLarge(_) => ErrorCode::DocumentTooLarge,
            Self::Empty => ErrorCode::DocumentEmpty,
        }
    }

    pub fn invalid(error: impl fmt::Display) -> Self {
        Self::Invalid(error.to_string())
    }
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported(what) => write!(f, "{what} is not a document that is read"),
            Self::Locked => f.write_str("the document needs a password"),
            Self::Invalid(why) => write!(f, "the document is damaged: {why}"),
            Self::TooLarge(why) => write!(f, "the document is too large: {why}"),
            Self::Empty => f.write_str("the document has no text"),
        }
    }
}

impl std::error::Error for DocumentError {}
