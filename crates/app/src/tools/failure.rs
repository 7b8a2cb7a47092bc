//! Errors of tools and of their lists as errors that a host shows, with the values of their messages.
//! The errors themselves are in the crate `tools`.
use contract::{ErrorCode, ErrorView};
use tools::{ImportError, ToolError};

pub(super) fn tool_error(error: &ToolError) -> ErrorView {
    let message = error.to_string();
    match error {
        ToolError::NoProgram { command } => {
            ErrorView::new(ErrorCode::ToolServerFailed, message).with("reason", command)
        }
        ToolError::NotStarted { reason } | ToolError::Failed { reason } => {
            ErrorView::new(ErrorCode::ToolServerFailed, message).with("reason", reason)
        }
        ToolError::Unauthorized => ErrorView::new(ErrorCode::ToolServerFailed, message).with("reason", "401"),
        ToolError::Ended => ErrorView::new(ErrorCode::ToolServerEnded, message),
        ToolError::StartTimeout(limit) | ToolError::Timeout(limit) => {
            ErrorView::new(ErrorCode::ToolTimedOut, message).with("seconds", limit.as_secs())
        }
    }
}

pub(super) fn import_error(error: &ImportError) -> ErrorView {
    let message = error.to_string();
    let reason = message.split_once(": ").map_or("", |(_, reason)| reason).to_owned();
    ErrorView::new(ErrorCode::ToolServersUnreadable, message).with("reason", reason)
}

pub(super) fn invalid(field: &str) -> ErrorView {
    ErrorView::new(ErrorCode::ToolServerInvalid, format!("add the tool server: check the {field}"))
        .with("field", field)
}
