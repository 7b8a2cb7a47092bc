//! When it is time to end: the starter says so, or it is gone, however that one ended.
use std::time::Duration;

/// Comes back when this process is asked to end, or soon after the process `parent` is gone.
pub async fn asked_to_end(parent: Option<u32>) {
    tokio::select! {
        () = told() => {}
        () = gone(parent) => {}
    }
}

async fn gone(parent: Option<u32>) {
    let Some(pid) = parent else { return std::future::pending().await };
    // Linux's parent-death signal follows the starting thread, which may end long before its process.
    while alive(pid) {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

#[cfg(unix)]
async fn told() {
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
async fn told() {
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
