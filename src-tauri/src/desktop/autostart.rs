//! The start at login: an entry in the folder or registry of the system. Linux is what we run; macOS and
//! Windows are the library's and were not run.
use auto_launch::{AutoLaunch, AutoLaunchBuilder};

use super::HIDDEN;

/// Where the entry is, for a person who has to look.
#[cfg(target_os = "linux")]
pub const PLACE: &str = "~/.config/autostart";
#[cfg(target_os = "macos")]
pub const PLACE: &str = "~/Library/LaunchAgents";
#[cfg(windows)]
pub const PLACE: &str = r"HKCU\Software\Microsoft\Windows\CurrentVersion\Run";

/// What is started at login.
fn entry() -> Result<AutoLaunch, auto_launch::Error> {
    // An AppImage is mounted elsewhere at each start; its file stays.
    let program = std::env::var_os("APPIMAGE").map(std::path::PathBuf::from);
    let program = program.or_else(|| std::env::current_exe().ok()).unwrap_or_default();
    AutoLaunchBuilder::new()
        .set_app_name("whaledeck")
        .set_app_path(&quoted(&program.to_string_lossy()))
        .set_args(&[HIDDEN])
        .build()
}

/// As the entry of a desktop has a path with a space; the library writes it as it is.
fn quoted(path: &str) -> String {
    let plain = cfg!(not(target_os = "linux")) || !path.contains([' ', '\t']);
    if plain { path.to_owned() } else { format!("\"{path}\"") }
}

pub fn is_on() -> bool {
    entry().and_then(|entry| entry.is_enabled()).unwrap_or(false)
}

pub fn set(on: bool) -> Result<(), auto_launch::Error> {
    let entry = entry()?;
    if on { entry.enable() } else { entry.disable() }
}
