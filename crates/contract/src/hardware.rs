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
    /// Bytes that a new process could take now.
    pub ram_available: f64,
    /// Measured streaming read of main memory, bytes per second; `None` until measured.
    pub memory_bandwidth: Option<f64>,
    pub gpus: Vec<GpuView>,
    /// What is to be said of cards that the embedded engine does not use.
    pub gpu_note: Option<Localized>,
    /// What is wrong with a card or its driver (driver absent, driver and library differ, card lost).
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
    /// Bytes; `None` when the driver does not say.
    pub vram_total: Option<f64>,
    /// Bytes free right now.
    pub vram_free: Option<f64>,
    /// It computes in the memory of the system: both sizes are the system's.
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

/// The disk on which models live.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct DiskView {
    pub models_dir: String,
    /// Bytes.
    pub total: f64,
    /// Bytes.
    pub free: f64,
}
