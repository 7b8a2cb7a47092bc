//! A second start is forwarded to the open window. If that window closes meanwhile, no window would open, so
//! the program restarts itself once.

/// Set in a process that has started itself again.
#[cfg(unix)]
const RESTARTED: &str = "WHALEDECK_STARTED_AGAIN";

/// Replaces this process by a new start, because GTK's event loop cannot be created twice in one process.
/// Returns when `error` has another cause, when this is the second attempt, or when the system refuses.
#[cfg(unix)]
pub fn restart_if_forwarding_failed(error: &tauri::Error) {
    use std::os::unix::process::CommandExt;
    let forwarding =
        matches!(error, tauri::Error::PluginInitialization(plugin, _) if plugin == "single-instance");
    if !forwarding || std::env::var_os(RESTARTED).is_some() {
        return;
    }
    // The closing process needs time to release its name on the bus.
    std::thread::sleep(std::time::Duration::from_millis(300));
    if let Ok(program) = std::env::current_exe() {
        let mut restart = std::process::Command::new(program);
        let error = restart.args(std::env::args_os().skip(1)).env(RESTARTED, "1").exec();
        tracing::warn!(%error, "failed to restart");
    }
}

/// Windows forwards the start through a hidden window, which reports no such error.
#[cfg(not(unix))]
pub fn restart_if_forwarding_failed(_: &tauri::Error) {}
