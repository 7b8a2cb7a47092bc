//! The `code` of an error body of the worker's HTTP API, and the error code under which the app shows it.
//! HTTP statuses are not here: `server` has them. Every code has a message in English and Chinese.
use std::fmt;

use serde::{Serialize, Serializer};

use crate::ErrorCode;

/// Why the worker refuses a request or an answer fails: the `code` of an error body. Some are those of
/// OpenAI's API, the others are names of [`ErrorCode`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::VariantArray, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum ApiErrorCode {
    InvalidApiKey,
    Loading,
    /// Not a request of this protocol, or a value outside its range.
    InvalidInput,
    ContextLengthExceeded,
    /// A content part that is not text.
    UnsupportedContent,
    /// An image that cannot be decoded.
    InvalidImage,
    /// An image URL that this worker may not read from.
    PictureNotAllowed,
    PictureNotFetched,
    /// The model's chat template refuses the messages.
    ConversationRefused,
    /// The model has no tokens for fill-in-the-middle.
    FillUnsupported,
    /// The model is dense: it has no routed experts to show.
    NoExperts,
    /// Computed on the processor only, and the model is on a card.
    NotOnCard,
    /// The model was not trained to call functions.
    ToolsUnsupported,
    /// A schema that is not supported, or one that no token can continue.
    FormImpossible,
    EngineFailed,
    /// The graphics card stopped working; the worker ends.
    CardLost,
    /// More requests of one key than it may make.
    #[strum(serialize = "rate_limit_exceeded")]
    RateLimited,
    /// Another model was named than the one that is served.
    ModelNotFound,
    /// No such path.
    NotFound,
    MethodNotAllowed,
    /// A body that is not declared as JSON.
    UnsupportedMediaType,
    RequestTooLarge,
    /// Without a key, a request whose Host header is not this computer.
    HostNotAllowed,
    Internal,
}

impl ApiErrorCode {
    /// Every code, for the tests that demand a message for each.
    pub const ALL: &'static [ApiErrorCode] = <ApiErrorCode as strum::VariantArray>::VARIANTS;

    /// The code as it is written on the wire.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Under which code the app tells it.
    pub fn error_code(self) -> ErrorCode {
        match self {
            Self::InvalidApiKey => ErrorCode::WorkerUnreachable,
            Self::Loading => ErrorCode::NotLoaded,
            Self::InvalidInput => ErrorCode::InvalidInput,
            Self::ContextLengthExceeded => ErrorCode::PromptTooLong,
            Self::UnsupportedContent => ErrorCode::UnsupportedContent,
            Self::InvalidImage => ErrorCode::InvalidImage,
            Self::PictureNotAllowed => ErrorCode::PictureNotAllowed,
            Self::PictureNotFetched => ErrorCode::PictureNotFetched,
            Self::ConversationRefused => ErrorCode::ConversationRefused,
            Self::FillUnsupported => ErrorCode::FillUnsupported,
            Self::NoExperts => ErrorCode::NoExperts,
            Self::NotOnCard => ErrorCode::NotOnCard,
            Self::ToolsUnsupported => ErrorCode::ToolsUnsupported,
            Self::FormImpossible => ErrorCode::FormImpossible,
            Self::EngineFailed => ErrorCode::EngineFailed,
            Self::CardLost => ErrorCode::CardLost,
            Self::RateLimited => ErrorCode::EndpointRateLimited,
            Self::ModelNotFound => ErrorCode::ModelNotFound,
            // The app sends no request that is refused for these; one that is, is a bug of ours.
            Self::NotFound
            | Self::MethodNotAllowed
            | Self::UnsupportedMediaType
            | Self::RequestTooLarge
            | Self::HostNotAllowed
            | Self::Internal => ErrorCode::Internal,
        }
    }
}

impl fmt::Display for ApiErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ApiErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_by_the_name_that_it_is_written_with() {
        for code in ApiErrorCode::ALL {
            assert_eq!(code.as_str().parse(), Ok(*code));
        }
    }
}
