//! What this machine has, as one `Snapshot` value: graphics cards, processor, memory, disk.
//! Knows no models, no network and no words for people; the caller decides what fits.
//!
//! Run so far on Linux x86-64 only. The Windows and macOS paths go through `sysinfo` and have not been run.

mod amd;
mod bandwidth;
mod cpu;
mod disk;
mod nvidia;
mod nvml;
mod ram;
mod snapshot;

pub use amd::read as read_amd;
pub use bandwidth::measure_bandwidth;
pub use cpu::parse_cpuinfo;
pub use disk::{nearest_existing, read as read_disk};
pub use nvidia::{classify, gpus_from, read as read_nvidia};
pub use nvml::{NvmlDevice, NvmlDump, NvmlFailure, ask_nvml};
pub use ram::limited;
pub use snapshot::{Cpu, Disk, Gpu, GpuProblem, GpuVendor, Snapshot, snapshot};
