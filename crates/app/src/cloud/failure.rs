//! Errors of cloud services as codes with the values that their messages need.
//! Errors of the worker are in `answer/backend_error.rs`.
use contract::{ErrorCode, ErrorView};
use endpoint::{AddressError, EndpointError, Step, on_this_computer};

/// `host` names the service.
pub(crate) fn cloud_error(error: &EndpointError, host: &str) -> ErrorView {
    let code = match error {
        EndpointError::Unreachable { step: Step::Proxy, .. } => ErrorCode::ProxyFailed,
        EndpointError::Unreachable { step: Step::ProxyLogin, .. } => ErrorCode::ProxyLogin,
        EndpointError::Unreachable { step: Step::Tls, .. } => ErrorCode::EndpointNotTrusted,
        EndpointError::Unreachable { url, .. } if on_this_computer(url) => ErrorCode::LocalServerUnreachable,
        EndpointError::Unreachable { .. } => ErrorCode::EndpointUnreachable,
        EndpointError::Unauthorized => ErrorCode::KeyRefused,
        EndpointError::NoCredit { .. } => ErrorCode::NoCredit,
        EndpointError::RateLimited { .. } => ErrorCode::EndpointRateLimited,
        EndpointError::Moved { .. } => ErrorCode::EndpointMoved,
        EndpointError::ContextLength { .. } => ErrorCode::PromptTooLong,
        EndpointError::Server { status: 400..=499, .. } => ErrorCode::EndpointRefused,
        EndpointError::Loading | EndpointError::Server { .. } => ErrorCode::EndpointFailed,
        EndpointError::Silent { .. } => ErrorCode::EndpointSilent,
        EndpointError::Cut => ErrorCode::EndpointCut,
        EndpointError::Malformed(_) | EndpointError::TooLong => ErrorCode::EndpointGarbled,
    };
    let view = ErrorView::new(code, error.to_string()).with("host", host);
    match error {
        EndpointError::RateLimited { retry_after: Some(seconds) } | EndpointError::Silent { seconds } => {
            view.with("seconds", seconds)
        }
        EndpointError::Moved { to } => view.with("to", to),
        EndpointError::Server { status, message, .. } => {
            let reason = if message.is_empty() { format!("status {status}") } else { message.clone() };
            view.with("status", status).with("reason", reason)
        }
        EndpointError::ContextLength { tokens, context, .. } => {
            let view = tokens.iter().fold(view, |view, tokens| view.with("tokens", tokens));
            context.iter().fold(view, |view, context| view.with("context", context))
        }
        _ => view,
    }
}

pub(crate) fn address_error(error: AddressError, address: &str) -> ErrorView {
    let view = ErrorView::new(ErrorCode::InvalidInput, error.to_string());
    // An address that holds a secret is not repeated.
    if error == AddressError::HoldsSecrets { view } else { view.with("value", address) }
}
