//! The `Snapshot` value and its assembly from the single readers.
//! Serialisable only so that recorded machines can serve as fixtures; it is not a wire format.
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// One machine at one moment. Sizes are bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Such as "Linux (Debian GNU/Linux 12)".
    pub os: String,
    pub cpu: Cpu,
    pub ram_total: u64,
    /// What a new process could take now; a container's limit is taken into account.
    pub ram_available: u64,
    pub gpus: Vec<Gpu>,
    /// What is wrong with an NVIDIA card or its driver; cards may be listed all the same.
    pub gpu_problem: Option<GpuProblem>,
    pub disk: Disk,
    /// Streaming read of main memory, bytes per second; `None` until measured.
    pub memory_bandwidth: Option<f64>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cpu {
    pub name: String,
    pub physical_cores: u32,
    pub logical_cores: u32,
    /// A subset of "AVX2", "AVX-512", "AMX", in this order.
    pub features: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gpu {
    pub name: String,
    pub vendor: GpuVendor,
    /// `None` when the driver does not say.
    pub vram_total: Option<u64>,
    /// Free now, after what other programs hold; `None` when the driver does not say.
    pub vram_free: Option<u64>,
    /// It computes in the memory of the system: both sizes are the system's.
    pub shared_memory: bool,
    /// Its version; empty when it is not known.
    pub driver: String,
    /// Highest CUDA version the driver supports, such as "13.0"; NVIDIA only.
    pub cuda: Option<String>,
    /// Such as "9.0"; NVIDIA only.
    pub compute_capability: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GpuVendor {
    Nvidia,
    Amd,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum GpuProblem {
    /// A card is on the bus, and neither the kernel module nor NVML is there.
    #[error("an NVIDIA card is present but its driver is not installed")]
    DriverMissing,
    /// NVML is installed, and the kernel module does not run.
    #[error("the NVIDIA driver is installed but its kernel module is not loaded")]
    DriverNotLoaded,
    /// The kernel module runs, and NVML is not installed.
    #[error("the NVIDIA kernel module is loaded but its library libnvidia-ml is not installed")]
    LibraryMissing,
    /// The kernel module and the library come from different driver versions; a restart usually cures it.
    #[error("the NVIDIA kernel module and its library differ in version")]
    DriverMismatch {
        /// Version of the loaded kernel module, where it can be read.
        kernel: Option<String>,
    },
    /// NVML works and lists no card although one is on the bus.
    #[error("the NVIDIA driver works but offers no card")]
    NoDevice,
    #[error("this account or container may not use the NVIDIA card")]
    NoPermission,
    /// It fell off the bus, or has to be reset.
    #[error("an NVIDIA card does not answer any more")]
    Lost,
    #[error("the power cables of an NVIDIA card are not properly attached")]
    InsufficientPower,
    #[error("the NVIDIA driver failed: {0}")]
    Other(String),
}

/// The disk on which models live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    pub models_dir: PathBuf,
    pub total: u64,
    pub free: u64,
}

/// Reads this machine. Takes tens of milliseconds and never fails: what cannot be read is empty or zero.
/// `memory_bandwidth` stays `None`; see [`crate::measure_bandwidth`].
pub fn snapshot(models_dir: &Path) -> Snapshot {
    let (mut gpus, gpu_problem) = crate::nvidia::read(Path::new("/"), None);
    gpus.extend(crate::amd::read(Path::new("/sys")));
    let (ram_total, ram_available) = crate::ram::read();
    for gpu in gpus.iter_mut().filter(|gpu| gpu.shared_memory) {
        (gpu.vram_total, gpu.vram_free) = (Some(ram_total), Some(ram_available));
    }
    Snapshot {
        os: sysinfo::System::long_os_version().unwrap_or_else(|_| std::env::consts::OS.to_owned()),
        cpu: crate::cpu::read(),
        ram_total,
        ram_available,
        gpus,
        gpu_problem,
        disk: crate::disk::read(models_dir),
        memory_bandwidth: None,
    }
}
