//! Assembles the `Snapshot` of this computer from the readers of its parts: GPUs, CPU, memory and disk, one
//! file each.
use std::path::Path;

use crate::Snapshot;

/// Reads the hardware of this computer. Takes tens of milliseconds and never fails: unreadable fields are
/// empty or zero. `memory_bandwidth` stays `None`; see [`crate::measure_bandwidth`].
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
