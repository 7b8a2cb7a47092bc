//! Errors of an answer by the worker, as codes with their values.
//! Errors of cloud services are in `cloud/failure.rs`.
use std::time::Duration;

use contract::{ErrorCode, ErrorView};
use deploy::{State, Worker};
use endpoint::EndpointError;
use protocol::ApiErrorCode;

use crate::convert::failure_view;

/// A broken connection is often the first sign of a worker that died; its reason follows within moments.
pub(super) async fn worker_error(worker: &Worker, error: EndpointError) -> ErrorView {
    // The worker ends by itself when its card is lost, and then tells why.
    let ends =
        matches!(&error, EndpointError::Server { code, .. } if code == ApiErrorCode::CardLost.as_str());
    if ends || matches!(error, EndpointError::Unreachable { .. } | EndpointError::Cut) {
        for _ in 0..20 {
            match worker.state() {
                State::Failed(failure) => return failure_view(&failure),
                State::Stopped | State::Draining => {
                    return ErrorView::new(ErrorCode::NotLoaded, "end the answer: the model was stopped");
                }
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
    endpoint_error(error)
}

fn endpoint_error(error: EndpointError) -> ErrorView {
    let code = match &error {
        EndpointError::Unreachable { .. }
        | EndpointError::Silent { .. }
        | EndpointError::Unauthorized
        | EndpointError::NoCredit { .. }
        | EndpointError::Moved { .. }
        | EndpointError::RateLimited { .. } => ErrorCode::WorkerUnreachable,
        EndpointError::ContextLength { .. } => ErrorCode::PromptTooLong,
        EndpointError::Loading => ErrorCode::NotLoaded,
        EndpointError::Cut => ErrorCode::WorkerDied,
        EndpointError::Server { code, .. } => worker_code(code),
        EndpointError::Malformed(_) | EndpointError::TooLong => ErrorCode::Internal,
    };
    let view = ErrorView::new(code, error.to_string());
    match error {
        EndpointError::ContextLength { tokens, context, .. } => {
            let view = tokens.iter().fold(view, |view, tokens| view.with("tokens", tokens));
            context.iter().fold(view, |view, context| view.with("context", context))
        }
        EndpointError::Silent { seconds } => view.with("seconds", seconds),
        _ => view,
    }
}

/// The code of a worker's error body. One that neither list has comes from a worker of another version.
fn worker_code(code: &str) -> ErrorCode {
    let known = code.parse().map(ApiErrorCode::error_code).or_else(|_| code.parse());
    known.unwrap_or_else(|_| {
        tracing::warn!(code, "the worker answered with an unknown error code");
        ErrorCode::Internal
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_endpoint_have_codes() {
        let server =
            |code: &str| EndpointError::Server { status: 200, code: code.into(), message: "m".into() };
        for (error, code) in [
            (EndpointError::Cut, ErrorCode::WorkerDied),
            (EndpointError::Silent { seconds: 120 }, ErrorCode::WorkerUnreachable),
            (server("out_of_memory"), ErrorCode::OutOfMemory),
            (server("engine_failed"), ErrorCode::EngineFailed),
            (server("card_lost"), ErrorCode::CardLost),
            (server("unsupported_content"), ErrorCode::UnsupportedContent),
            (server("invalid_image"), ErrorCode::InvalidImage),
            (server("conversation_refused"), ErrorCode::ConversationRefused),
            (server("invalid_input"), ErrorCode::InvalidInput),
            (server("some other server's"), ErrorCode::Internal),
        ] {
            assert_eq!(endpoint_error(error).code, code);
        }
        let long =
            EndpointError::ContextLength { tokens: Some(9000), context: Some(2048), message: "m".into() };
        let long = endpoint_error(long);
        assert_eq!(long.code, ErrorCode::PromptTooLong);
        assert_eq!((long.detail["tokens"].as_str(), long.detail["context"].as_str()), ("9000", "2048"));
    }
}
