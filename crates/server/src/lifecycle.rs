//! When the worker ends: on SIGTERM or SIGINT, or when its parent process has ended.
//! It only waits; `serve` closes the engine, which saves the prefix cache.
use std::time::Duration;

/// Returns on a signal to end, or soon after the process `parent` has ended.
pub async fn shutdown_signal(parent: Option<u32>) {
    tokio::select! {
        () = end_signal() => {}
        () = parent_exit(parent) => {}
    }
}

async fn parent_exit(parent: Option<u32>) {
    let Some(pid) = parent else { return std::future::pending().await };
    // Linux's PR_SET_PDEATHSIG follows the parent's thread, which may end long before its process.
    while alive(pid) {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

#[cfg(unix)]
async fn end_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = [SignalKind::terminate(), SignalKind::interrupt()].map(signal);
    match signals {
        [Ok(mut terminate), Ok(mut interrupt)] => {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        }
        // Without handlers the signals end the process themselves.
        _ => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn end_signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

#[cfg(unix)]
fn alive(pid: u32) -> bool {
    // SAFETY: signal 0 sends nothing.
    unsafe { libc::getppid() as u32 == pid || libc::kill(pid as libc::pid_t, 0) == 0 }
}

#[cfg(not(unix))]
fn alive(_pid: u32) -> bool {
    true
}
