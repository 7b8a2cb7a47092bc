//! What this computer has, as shown on the Welcome and Hardware pages.
//! Sizes are in bytes and `None` is a size that the driver does not report, which is not 0.
use serde::{Deserialize, Serialize};
use specta::Type;

use crate::{ErrorView, Localized};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct HardwareView {
    pub os: String,
    pub cpu: CpuView,
    /// Bytes.
    pub ram_total: f64,
    /// Bytes that a new process could allocate now.
    pub ram_available: f64,
    /// Measured read bandwidth of main memory, bytes per second; `None` until measured.
    pub memory_bandwidth: Option<f64>,
    pub gpus: Vec<GpuView>,
    /// A note about GPUs that the embedded engine does not use.
    pub gpu_note: Option<Localized>,
    /// The problem of a GPU or its driver (driver missing, driver and library differ, GPU lost).
    pub gpu_problem: Option<ErrorView>,
    pub disk: DiskView,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct CpuView {
    pub name: String,
    pub physical_cores: u32,
    pub logical_cores: u32,
    /// Instruction sets that matter to the engine: "AVX2", "AVX-512", "AMX".
    pub features: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct GpuView {
    /// True when the embedded engine of this version uses it.
    pub computes: bool,
    pub name: String,
    pub vendor: GpuVendor,
    /// Bytes; `None` when the driver does not report it.
    pub vram_total: Option<f64>,
    /// Bytes free right now.
    pub vram_free: Option<f64>,
    /// The GPU shares the system's memory; both sizes are the system's.
    pub shared_memory: bool,
    pub driver: String,
    /// Highest CUDA version the driver supports, such as "13.0"; NVIDIA only.
    pub cuda: Option<String>,
    /// Compute capability, such as "9.0"; NVIDIA only.
    pub compute_capability: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum GpuVendor {
    Nvidia,
    Amd,
}

/// The disk of the models folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct DiskView {
    pub models_dir: String,
    /// Bytes.
    pub total: f64,
    /// Bytes.
    pub free: f64,
}
