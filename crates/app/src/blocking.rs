//! Runs work that blocks, on the disk, the keyring or a processor, away from the threads of the runtime.
//! Knows nothing of the work; one that panics is an internal error and does not end the program.
use contract::{ErrorCode, ErrorView};

/// `what` completes "failed to".
pub(crate) async fn blocking<T: Send + 'static>(
    what: &'static str,
    work: impl FnOnce() -> Result<T, ErrorView> + Send + 'static,
) -> Result<T, ErrorView> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| ErrorView::new(ErrorCode::Internal, format!("{what}: {error}")))?
}
