//! A second start hands itself to the window that is open. When that window ends meanwhile, nobody would open: the
//! start is made again, once.

/// Set in a process that has started itself again.
#[cfg(unix)]
const STARTED_AGAIN: &str = "WHALEDECK_STARTED_AGAIN";

/// Becomes a fresh start, because the event loop of GTK cannot be made twice in one process. Returns when `error` is
/// another one, when this is the second attempt, and when the system refuses.
#[cfg(unix)]
pub fn start_if_handed_to_nobody(error: &tauri::Error) {
    use std::os::unix::process::CommandExt;
    let handed =
        matches!(error, tauri::Error::PluginInitialization(plugin, _) if plugin == "single-instance");
    if !handed || std::env::var_os(STARTED_AGAIN).is_some() {
        return;
    }
    // For the name on the bus to be given back.
    std::thread::sleep(std::time::Duration::from_millis(300));
    if let Ok(program) = std::env::current_exe() {
        let mut again = std::process::Command::new(program);
        let error = again.args(std::env::args_os().skip(1)).env(STARTED_AGAIN, "1").exec();
        tracing::warn!(%error, "could not start again");
    }
}

/// Windows hands over through a hidden window, which tells nothing of this kind.
#[cfg(not(unix))]
pub fn start_if_handed_to_nobody(_: &tauri::Error) {}
