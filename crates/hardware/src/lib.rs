//! Detects the hardware of this computer as a `Snapshot`: GPUs, CPU, memory, disk.
//! Knows no models, no network and no user messages; the caller decides what fits.
//!
//! Tested on Linux x86-64 only. The Windows and macOS paths use `sysinfo` and are untested.

mod amd;
mod bandwidth;
mod cpu;
mod disk;
mod nvidia;
mod nvml;
mod process;
mod ram;
mod read;
mod snapshot;

pub use amd::read as read_amd;
pub use bandwidth::measure_bandwidth;
pub use cpu::parse_cpuinfo;
pub use disk::{nearest_existing, read as read_disk};
pub use nvidia::{classify, gpus_from, keep_visible, read as read_nvidia};
pub use nvml::{NvmlDevice, NvmlDump, NvmlFailure, query_nvml};
pub use process::{peak_resident, resident};
pub use ram::{available as available_memory, within_limit};
pub use read::snapshot;
pub use snapshot::{Cpu, Disk, Gpu, GpuProblem, GpuVendor, Snapshot};
