//! NVIDIA cards through NVML. Asking the library is separate from the pure mapping of what it said,
//! so that recorded answers of machines we do not own can be tested.
use std::path::Path;

use nvml_wrapper::Nvml;
use nvml_wrapper::error::NvmlError;
use serde::{Deserialize, Serialize};

use crate::{Gpu, GpuProblem, GpuVendor};

/// What NVML said about one machine; sizes are bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NvmlDump {
    pub driver_version: String,
    /// Such as "13.0".
    pub cuda_version: Option<String>,
    pub devices: Vec<NvmlDevice>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NvmlDevice {
    pub name: String,
    pub memory_total: u64,
    pub memory_free: u64,
    /// Such as "9.0".
    pub compute_capability: Option<String>,
}

/// The ways in which NVML can fail that a person must treat differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NvmlFailure {
    LibraryAbsent,
    DriverNotLoaded,
    VersionMismatch,
    Other(String),
}

impl From<NvmlError> for NvmlFailure {
    fn from(error: NvmlError) -> Self {
        match error {
            NvmlError::LibloadingError(_) | NvmlError::LibraryNotFound => Self::LibraryAbsent,
            NvmlError::DriverNotLoaded => Self::DriverNotLoaded,
            NvmlError::LibRmVersionMismatch => Self::VersionMismatch,
            other => Self::Other(other.to_string()),
        }
    }
}

/// Cards as recorded in `dump`, in NVML's order.
pub fn gpus_from(dump: &NvmlDump) -> Vec<Gpu> {
    dump.devices
        .iter()
        .map(|device| Gpu {
            name: device.name.clone(),
            vendor: GpuVendor::Nvidia,
            vram_total: device.memory_total,
            vram_free: device.memory_free.min(device.memory_total),
            driver: dump.driver_version.clone(),
            cuda: dump.cuda_version.clone(),
            compute_capability: device.compute_capability.clone(),
        })
        .collect()
}

/// What to tell about NVML's answer. `card_on_bus` keeps quiet about machines that never had an NVIDIA card.
pub fn classify(
    answer: Result<&NvmlDump, &NvmlFailure>,
    card_on_bus: bool,
    kernel_version: Option<String>,
) -> Option<GpuProblem> {
    match answer {
        Ok(dump) => (dump.devices.is_empty() && card_on_bus).then_some(GpuProblem::NoDevice),
        Err(NvmlFailure::LibraryAbsent | NvmlFailure::DriverNotLoaded) => {
            card_on_bus.then_some(GpuProblem::DriverMissing)
        }
        Err(NvmlFailure::VersionMismatch) => Some(GpuProblem::DriverMismatch { kernel: kernel_version }),
        Err(NvmlFailure::Other(why)) => Some(GpuProblem::Other(why.clone())),
    }
}

pub(crate) fn read() -> (Vec<Gpu>, Option<GpuProblem>) {
    let answer = ask();
    let problem = classify(answer.as_ref(), card_on_bus(Path::new("/sys")), kernel_version());
    (answer.map(|dump| gpus_from(&dump)).unwrap_or_default(), problem)
}

fn ask() -> Result<NvmlDump, NvmlFailure> {
    let nvml = Nvml::init()?;
    let count = nvml.device_count()?;
    let cuda_version = nvml.sys_cuda_driver_version().ok().map(|v| format!("{}.{}", v / 1000, v % 1000 / 10));
    let mut devices = Vec::new();
    for index in 0..count {
        let device = nvml.device_by_index(index)?;
        let memory = device.memory_info()?;
        devices.push(NvmlDevice {
            name: device.name()?,
            memory_total: memory.total,
            memory_free: memory.free,
            compute_capability: device
                .cuda_compute_capability()
                .ok()
                .map(|c| format!("{}.{}", c.major, c.minor)),
        });
    }
    Ok(NvmlDump { driver_version: nvml.sys_driver_version()?, cuda_version, devices })
}

/// True when sysfs lists a display controller (class 0x03) of vendor 0x10de.
fn card_on_bus(sys: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(sys.join("bus/pci/devices")) else { return false };
    entries.flatten().any(|entry| {
        let starts = |file: &str, prefix: &str| {
            std::fs::read_to_string(entry.path().join(file)).is_ok_and(|text| text.starts_with(prefix))
        };
        starts("vendor", "0x10de") && starts("class", "0x03")
    })
}

fn kernel_version() -> Option<String> {
    let text = std::fs::read_to_string("/proc/driver/nvidia/version").ok()?;
    let looks_like_version =
        |word: &&str| word.contains('.') && word.chars().all(|c| c.is_ascii_digit() || c == '.');
    text.lines().next()?.split_whitespace().find(looks_like_version).map(str::to_owned)
}
