//! The body of a refused request, and the event of a stream that failed, as OpenAI's API shapes them. The
//! client in `endpoint` reads errors with a type of its own, because other servers shape them differently.
use std::borrow::Cow;

use serde::Serialize;

use crate::{ApiErrorCode, PromptSize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorBody {
    pub error: ErrorDetail,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorDetail {
    pub message: String,
    /// OpenAI's classes, such as `invalid_request_error`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Path of the field that is wrong.
    pub param: Option<Cow<'static, str>>,
    pub code: ApiErrorCode,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whaledeck: Option<PromptSize>,
}
