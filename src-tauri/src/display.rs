//! What must be set before a window can open: a display, and environment variables of the web view.
//! They turn off WebKitGTK's DMA-BUF renderer on NVIDIA GPUs, and Mesa's shader cache on a full disk.
//! A variable that the user set stays as it is.
#[cfg(target_os = "linux")]
use std::path::PathBuf;

/// WebKitGTK shows a white window on NVIDIA's driver unless its DMA-BUF renderer is off.
/// A value that the user set is not changed.
#[cfg(target_os = "linux")]
pub fn prepare_renderer() {
    const SWITCH: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";
    let nvidia = std::path::Path::new("/proc/driver/nvidia").exists();
    if nvidia && std::env::var_os(SWITCH).is_none() {
        // SAFETY: called first thing in `run`, before any other thread exists.
        unsafe { std::env::set_var(SWITCH, "1") };
    }
}

/// Mesa writes compiled shaders into a memory-mapped file. On a full disk the first write kills the process
/// that draws the page, so the cache is switched off; a start then takes a little longer.
#[cfg(target_os = "linux")]
pub fn prepare_cache() {
    const SWITCH: &str = "MESA_SHADER_CACHE_DISABLE";
    /// The space that the cache and other files may take in a session.
    const MIN_FREE: u64 = 256 << 20;
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("MESA_SHADER_CACHE_DIR")
        .or_else(|| set("XDG_CACHE_HOME"))
        .or_else(|| set("HOME").map(|home| home.join(".cache")));
    // The folder may not exist yet; its nearest existing parent is on the same disk.
    let existing = cache.as_deref().and_then(|cache| cache.ancestors().find(|folder| folder.is_dir()));
    let low =
        existing.and_then(|folder| fs4::available_space(folder).ok()).is_some_and(|free| free < MIN_FREE);
    if low && std::env::var_os(SWITCH).is_none() {
        // SAFETY: called first thing in `run`, before any other thread exists.
        unsafe { std::env::set_var(SWITCH, "true") };
    }
}

#[cfg(not(target_os = "linux"))]
pub fn prepare_renderer() {}

#[cfg(not(target_os = "linux"))]
pub fn prepare_cache() {}

/// Whether there is a display to open a window on.
#[cfg(target_os = "linux")]
pub fn present() -> bool {
    ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

#[cfg(not(target_os = "linux"))]
pub fn present() -> bool {
    true
}
