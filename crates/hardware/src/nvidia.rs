//! NVIDIA GPUs and their problems: from NVML, or else from the kernel module's files in /proc. Tests pass
//! recorded NVML results and recorded directory trees.
use std::ffi::OsStr;
use std::path::Path;

use crate::nvml::{NvmlDevice, NvmlDump, NvmlFailure, query_nvml};
use crate::{Gpu, GpuProblem, GpuVendor};

/// The GPUs of `dump`, in NVML's order.
pub fn gpus_from(dump: &NvmlDump) -> Vec<Gpu> {
    dump.devices
        .iter()
        .map(|device| Gpu {
            vram_total: device.memory_total,
            vram_free: device.memory_free.map(|free| free.min(device.memory_total.unwrap_or(free))),
            shared_memory: device.shared_memory,
            driver: dump.driver_version.clone().unwrap_or_default(),
            cuda: dump.cuda_version.clone(),
            compute_capability: device.compute_capability.clone(),
            ..unknown(device.name.clone())
        })
        .collect()
}

/// A GPU of which only the name is known.
fn unknown(name: String) -> Gpu {
    Gpu {
        name,
        vendor: GpuVendor::Nvidia,
        vram_total: None,
        vram_free: None,
        shared_memory: false,
        driver: String::new(),
        cuda: None,
        compute_capability: None,
    }
}

/// The problem to report for NVML's result. Without a GPU on the bus (`gpu_on_bus`) a missing driver is no
/// problem; `kernel_version` is that of the loaded kernel module.
pub fn classify(
    answer: Result<&NvmlDump, &NvmlFailure>,
    gpu_on_bus: bool,
    kernel_version: Option<String>,
) -> Option<GpuProblem> {
    let failure = match answer {
        Ok(NvmlDump { failure: Some(failure), .. }) | Err(failure) => failure,
        Ok(dump) => return (dump.devices.is_empty() && gpu_on_bus).then_some(GpuProblem::NoDevice),
    };
    match failure {
        NvmlFailure::LibraryAbsent if kernel_version.is_some() => Some(GpuProblem::LibraryMissing),
        NvmlFailure::LibraryAbsent => gpu_on_bus.then_some(GpuProblem::DriverMissing),
        NvmlFailure::DriverNotLoaded => gpu_on_bus.then_some(GpuProblem::DriverNotLoaded),
        NvmlFailure::VersionMismatch => Some(GpuProblem::DriverMismatch { kernel: kernel_version }),
        NvmlFailure::NoPermission => Some(GpuProblem::NoPermission),
        NvmlFailure::GpuLost => Some(GpuProblem::Lost),
        NvmlFailure::InsufficientPower => Some(GpuProblem::InsufficientPower),
        NvmlFailure::Other(why) => Some(GpuProblem::Other(why.clone())),
    }
}

/// The GPUs and their problem. `root` is the root of the file system, `library` a path of NVML instead of the
/// system's.
pub fn read(root: &Path, library: Option<&OsStr>) -> (Vec<Gpu>, Option<GpuProblem>) {
    let mut answer = query_nvml(library);
    if let (Ok(dump), Ok(visible)) = (&mut answer, std::env::var("CUDA_VISIBLE_DEVICES"))
        && !dump.devices.is_empty()
    {
        keep_visible(&mut dump.devices, &visible);
        if dump.devices.is_empty() {
            return (Vec::new(), Some(GpuProblem::Hidden(visible)));
        }
    }
    let kernel = kernel_version(root);
    let problem = classify(answer.as_ref(), gpu_on_bus(&root.join("sys")), kernel.clone());
    let mut gpus = answer.as_ref().map(gpus_from).unwrap_or_default();
    if gpus.is_empty() {
        gpus = gpus_from_kernel(root);
    }
    for gpu in gpus.iter_mut().filter(|gpu| gpu.driver.is_empty()) {
        gpu.driver = kernel.clone().unwrap_or_default();
    }
    (gpus, problem)
}

/// The GPUs that programs may use according to CUDA_VISIBLE_DEVICES, in its order: numbers, or beginnings of
/// UUIDs, up to the first that names none. The worker numbers cards by their bus address, as NVML does. Parts
/// of a GPU (MIG) are not told apart.
pub fn keep_visible(devices: &mut Vec<NvmlDevice>, visible: &str) {
    let place = |entry: &str| match entry.parse::<usize>() {
        Ok(number) => (number < devices.len()).then_some(number),
        Err(_) if entry.starts_with("GPU-") => {
            devices.iter().position(|device| device.uuid.as_ref().is_some_and(|uuid| uuid.starts_with(entry)))
        }
        Err(_) => None,
    };
    let mut places: Vec<usize> = Vec::new();
    for place in visible.split(',').map_while(|entry| place(entry.trim())) {
        if !places.contains(&place) {
            places.push(place);
        }
    }
    *devices = places.into_iter().map(|place| devices[place].clone()).collect();
}

/// The names of the GPUs from the kernel module; the other fields need NVML.
fn gpus_from_kernel(root: &Path) -> Vec<Gpu> {
    let Ok(entries) = std::fs::read_dir(root.join("proc/driver/nvidia/gpus")) else { return Vec::new() };
    let mut found: Vec<(std::ffi::OsString, String)> = entries
        .flatten()
        .filter_map(|entry| {
            let text = std::fs::read_to_string(entry.path().join("information")).ok()?;
            let name = text.lines().find_map(|line| line.strip_prefix("Model:"))?.trim();
            (!name.is_empty()).then(|| (entry.file_name(), name.to_owned()))
        })
        .collect();
    // By bus address, which is NVML's order.
    found.sort();
    found.into_iter().map(|(_, name)| unknown(name)).collect()
}

/// Whether sysfs lists a display controller (class 0x03) of vendor 0x10de.
fn gpu_on_bus(sys: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(sys.join("bus/pci/devices")) else { return false };
    entries.flatten().any(|entry| {
        let starts = |file: &str, prefix: &str| {
            std::fs::read_to_string(entry.path().join(file)).is_ok_and(|text| text.starts_with(prefix))
        };
        starts("vendor", "0x10de") && starts("class", "0x03")
    })
}

fn kernel_version(root: &Path) -> Option<String> {
    let text = std::fs::read_to_string(root.join("proc/driver/nvidia/version")).ok()?;
    let looks_like_version =
        |word: &&str| word.contains('.') && word.chars().all(|c| c.is_ascii_digit() || c == '.');
    text.lines().next()?.split_whitespace().find(looks_like_version).map(str::to_owned)
}
