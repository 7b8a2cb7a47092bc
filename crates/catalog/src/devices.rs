//! The devices of a computer that an engine uses. A verdict counts only their memory and speed. Change
//! `EMBEDDED` when the embedded engine supports more devices. This file does not know which engine a host
//! runs.
use hardware::{Gpu, GpuVendor, Snapshot};

/// The CPU is always used, GPUs only of these vendors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Devices {
    pub nvidia: bool,
    pub amd: bool,
}

impl Devices {
    pub const CPU: Self = Self { nvidia: false, amd: false };
    pub const ALL: Self = Self { nvidia: true, amd: true };
    /// The devices of the embedded engine. Every verdict about this computer depends on it.
    pub const EMBEDDED: Self = Self::CPU;

    pub fn uses(self, gpu: &Gpu) -> bool {
        match gpu.vendor {
            GpuVendor::Nvidia => self.nvidia,
            GpuVendor::Amd => self.amd,
        }
    }

    /// The GPUs that are used, in the order of the snapshot.
    pub fn gpus(self, snapshot: &Snapshot) -> impl Iterator<Item = &Gpu> {
        snapshot.gpus.iter().filter(move |gpu| self.uses(gpu))
    }

    /// The GPUs that are not used; `None` if there are none.
    pub fn idle(self, snapshot: &Snapshot) -> Option<IdleGpus> {
        let idle: Vec<&Gpu> = snapshot.gpus.iter().filter(|gpu| !self.uses(gpu)).collect();
        let first = idle.first()?;
        let one_kind = idle.iter().all(|gpu| gpu.name == first.name);
        Some(IdleGpus { count: idle.len(), name: one_kind.then(|| short(&first.name).to_owned()) })
    }
}

/// GPUs that an engine does not use. They have a name if all are of one type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdleGpus {
    pub count: usize,
    pub name: Option<String>,
}

/// The name without vendor and brand: "NVIDIA GeForce RTX 4090" becomes "RTX 4090".
fn short(name: &str) -> &str {
    ["NVIDIA ", "AMD ", "GeForce "].iter().fold(name, |name, word| name.strip_prefix(word).unwrap_or(name))
}
