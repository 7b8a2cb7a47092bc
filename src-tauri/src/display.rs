//! What must be settled before a window can open: a display, and a web view that draws on NVIDIA cards.

/// WebKitGTK shows a white window on NVIDIA's driver unless its DMA-BUF renderer is off.
/// A value that the user set is left alone.
#[cfg(target_os = "linux")]
pub fn prepare_renderer() {
    const SWITCH: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";
    let nvidia = std::path::Path::new("/proc/driver/nvidia").exists();
    if nvidia && std::env::var_os(SWITCH).is_none() {
        // SAFETY: called first thing in `run`, before any other thread exists.
        unsafe { std::env::set_var(SWITCH, "1") };
    }
}

#[cfg(not(target_os = "linux"))]
pub fn prepare_renderer() {}

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
