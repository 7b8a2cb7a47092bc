//! What this computer has, now and measured.
use std::path::PathBuf;

use contract::{AppEvent, ErrorCode, ErrorView, HardwareView, MeasuredMemory};

use crate::App;
use crate::convert::hardware_view;

impl App {
    pub async fn hardware(&self) -> Result<HardwareView, ErrorView> {
        Ok(hardware_view(&self.snapshot().await?))
    }

    /// Measures the memory once more; takes about a second of all cores. What was measured is kept, and every verdict is
    /// given with it from then on.
    pub async fn hardware_measure(&self) -> Result<HardwareView, ErrorView> {
        let measured = tokio::task::spawn_blocking(::hardware::measure_bandwidth)
            .await
            .map_err(|error| ErrorView::new(ErrorCode::Internal, format!("measure the memory: {error}")))?;
        if let Some(bandwidth) = measured {
            let cpu = self.snapshot().await?.cpu.name;
            self.settings_change(|settings| settings.measured = Some(MeasuredMemory { cpu, bandwidth }))?;
            self.host.emit(AppEvent::ModelsChanged);
        }
        self.hardware().await
    }

    /// The machine as it is, with the bandwidth if it was measured.
    pub(crate) async fn snapshot(&self) -> Result<::hardware::Snapshot, ErrorView> {
        let settings = self.settings_now();
        let models_dir = PathBuf::from(settings.models_dir);
        let mut snapshot = tokio::task::spawn_blocking(move || ::hardware::snapshot(&models_dir))
            .await
            .map_err(|error| ErrorView::new(ErrorCode::Internal, format!("look at the hardware: {error}")))?;
        let measured = settings.measured.filter(|measured| measured.cpu == snapshot.cpu.name);
        snapshot.memory_bandwidth = measured.map(|measured| measured.bandwidth);
        Ok(snapshot)
    }
}
