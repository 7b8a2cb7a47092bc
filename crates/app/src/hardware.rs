//! What this computer has, now and measured.
use std::path::PathBuf;

use contract::{ErrorCode, ErrorView, HardwareView};

use crate::App;
use crate::convert::hardware_view;

impl App {
    pub async fn hardware(&self) -> Result<HardwareView, ErrorView> {
        Ok(hardware_view(&self.snapshot().await?))
    }

    /// Measures the memory once more; takes about a second of all cores.
    pub async fn hardware_measure(&self) -> Result<HardwareView, ErrorView> {
        let measured = tokio::task::spawn_blocking(::hardware::measure_bandwidth)
            .await
            .map_err(|error| ErrorView::new(ErrorCode::Internal, format!("measure the memory: {error}")))?;
        *self.bandwidth.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = measured;
        self.hardware().await
    }

    /// The machine as it is, with the bandwidth if it was measured.
    pub(crate) async fn snapshot(&self) -> Result<::hardware::Snapshot, ErrorView> {
        let models_dir = PathBuf::from(self.settings_now().models_dir);
        let mut snapshot = tokio::task::spawn_blocking(move || ::hardware::snapshot(&models_dir))
            .await
            .map_err(|error| ErrorView::new(ErrorCode::Internal, format!("look at the hardware: {error}")))?;
        snapshot.memory_bandwidth = *self.bandwidth.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        Ok(snapshot)
    }
}
