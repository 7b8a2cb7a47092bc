//! The worker ends with its starter, however that one ended.
use std::time::Duration;

/// Ends this process soon after the process `pid` is gone.
pub fn watch(pid: u32) {
    #[cfg(target_os = "linux")]
    // SAFETY: prctl with these arguments only sets a flag of this process.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM);
    }
    // The signal above follows the starting thread, not the process; this follows the process.
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
