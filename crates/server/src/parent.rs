//! The worker ends with its starter, however that one ended.
use std::time::Duration;

/// Ends this process soon after the process `pid` is gone.
pub fn watch(pid: u32) {
    // Linux's parent-death signal follows the starting thread, which may end long before its process.
    std::thread::spawn(move || {
        while alive(pid) {
            std::thread::sleep(Duration::from_millis(500));
        }
        std::process::exit(0);
    });
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
