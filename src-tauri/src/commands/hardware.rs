//! Commands of this computer's hardware: what it has, and the measured bandwidth of its memory.
//! Sizes are in bytes. Measuring loads all cores for a moment and is done on request only.
use contract::{ErrorView, HardwareView};

use super::App;

#[tauri::command]
#[specta::specta]
pub async fn hardware(app: App<'_>) -> Result<HardwareView, ErrorView> {
    app.hardware().await
}

#[tauri::command]
#[specta::specta]
pub async fn hardware_measure(app: App<'_>) -> Result<HardwareView, ErrorView> {
    app.hardware_measure().await
}
