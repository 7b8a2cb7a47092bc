//! What this computer has.
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
