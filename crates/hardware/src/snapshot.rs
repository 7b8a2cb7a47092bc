//! The `Snapshot` value, which `read` assembles from the readers.
//! Serialisable only for recorded fixtures; it is not a wire format.
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The hardware of one computer at one moment. Sizes are in bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Such as "Linux (Debian GNU/Linux 12)".
    pub os: String,
    pub cpu: Cpu,
    pub ram_total: u64,
    /// Memory available to a new process, limited by the container.
    pub ram_available: u64,
    pub gpus: Vec<Gpu>,
    /// A problem of an NVIDIA GPU or its driver; GPUs may be listed in spite of it.
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
    /// `None` if the driver does not report it.
    pub vram_total: Option<u64>,
    /// Memory not used by other programs; `None` if the driver does not report it.
    pub vram_free: Option<u64>,
    /// The GPU uses main memory: both sizes are those of main memory.
    pub shared_memory: bool,
    /// Driver version; empty if unknown.
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
    /// A GPU is on the bus, but neither the kernel module nor NVML is installed.
    #[error("an NVIDIA GPU is present but its driver is not installed")]
    DriverMissing,
    /// NVML is installed, but the kernel module is not loaded.
    #[error("the NVIDIA driver is installed but its kernel module is not loaded")]
    DriverNotLoaded,
    /// The kernel module is loaded, but NVML is not installed.
    #[error("the NVIDIA kernel module is loaded but its library libnvidia-ml is not installed")]
    LibraryMissing,
    /// Kernel module and library have different driver versions; a restart usually fixes it.
    #[error("the NVIDIA kernel module and its library differ in version")]
    DriverMismatch {
        /// Version of the loaded kernel module, if readable.
        kernel: Option<String>,
    },
    /// NVML lists no GPU although one is on the bus.
    #[error("the NVIDIA driver works but lists no GPU")]
    NoDevice,
    /// CUDA_VISIBLE_DEVICES has this value, which names none of the GPUs.
    #[error("CUDA_VISIBLE_DEVICES hides every NVIDIA GPU")]
    Hidden(String),
    #[error("this account or container may not use the NVIDIA GPU")]
    NoPermission,
    /// The GPU fell off the bus or needs a reset.
    #[error("an NVIDIA GPU no longer responds")]
    Lost,
    #[error("the power cables of an NVIDIA GPU are not properly attached")]
    InsufficientPower,
    #[error("the NVIDIA driver failed: {0}")]
    Other(String),
}

/// The disk of the model folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    pub models_dir: PathBuf,
    pub total: u64,
    pub free: u64,
}
