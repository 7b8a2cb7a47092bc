//! The smallest upgrade that lets a better model run well: a GPU if the engine uses GPUs, else main memory.
//! `None` if the limit is speed, because more memory would not help.
use hardware::{Gpu, GpuVendor, Snapshot};

use crate::recommend::{DEFAULT_CONTEXT, ranked};
use crate::units::with_article;
use crate::{
    Catalog, ComputeDevice, Devices, GpuSpec, KvDtype, ModelFacts, Sentence, Vendor, Verdict, best_fit,
};

/// Common main memory sizes in GiB.
const MEMORY_SIZES: [u64; 11] = [8, 16, 24, 32, 48, 64, 96, 128, 256, 512, 1024];
/// Assumed free memory of a computer in tenths.
const FREE_TENTHS: u64 = 8;

/// The upgrade for a model with a rank above `rank`.
pub(crate) fn upgrade(
    snapshot: &Snapshot,
    devices: Devices,
    catalog: &Catalog,
    rank: u32,
) -> Option<Sentence> {
    let better: Vec<&ModelFacts> = ranked(catalog).into_iter().filter(|model| model.rank > rank).collect();
    let runs = |host: &Snapshot, device: ComputeDevice| {
        let fits = |model: &&ModelFacts| {
            let fit = best_fit(host, devices, model, DEFAULT_CONTEXT, KvDtype::Bf16);
            fit.verdict == Verdict::RunsWell && fit.device == device
        };
        better.iter().rev().copied().find(fits)
    };
    if devices.nvidia {
        gpus(catalog).into_iter().find_map(|(n, gpu)| {
            let gpus = (0..n).map(|_| new_gpu(gpu)).collect();
            let model = runs(&Snapshot { gpus, ..snapshot.clone() }, ComputeDevice::Gpu)?;
            Some(upgrade_sentence(gpu_names(n, gpu), model))
        })
    } else {
        MEMORY_SIZES.into_iter().filter(|gib| gib << 30 > snapshot.ram_total).find_map(|gib| {
            let host = Snapshot {
                ram_total: gib << 30,
                ram_available: (gib << 30) / 10 * FREE_TENTHS,
                ..snapshot.clone()
            };
            let model = runs(&host, ComputeDevice::Cpu)?;
            Some(upgrade_sentence((format!("{gib} GB of memory"), format!("有 {gib} GB 内存，就")), model))
        })
    }
}

fn upgrade_sentence((what, what_zh): (String, String), model: &ModelFacts) -> Sentence {
    Sentence {
        en: format!("With {what} you could run {}.", model.name),
        zh: format!("{what_zh}可以运行 {}。", model.name),
    }
}

/// NVIDIA only, because `new_gpu` describes no other vendor. Sorted by total memory, then by count.
fn gpus(catalog: &Catalog) -> Vec<(u64, &GpuSpec)> {
    let offered = catalog.gpus().iter().filter(|gpu| gpu.vendor == Vendor::Nvidia);
    let mut options: Vec<(u64, &GpuSpec)> = offered.flat_map(|gpu| [1, 2, 4, 8].map(|n| (n, gpu))).collect();
    options.sort_by_key(|(n, gpu)| (n * gpu.vram_gb, *n));
    options
}

fn gpu_names(n: u64, gpu: &GpuSpec) -> (String, String) {
    let (vram, name) = (gpu.vram_gb, &gpu.name);
    let one = with_article(&format!("{vram} GB card"));
    match n {
        1 => (format!("{one} (such as {name})"), format!("换用 {vram} GB 显卡（如 {name}）就")),
        n => (
            format!("{n} cards of {vram} GB (such as {name})"),
            format!("换用 {n} 张 {vram} GB 显卡（如 {name}）就"),
        ),
    }
}

fn new_gpu(gpu: &GpuSpec) -> Gpu {
    Gpu {
        name: gpu.name.clone(),
        vendor: GpuVendor::Nvidia,
        vram_total: Some(gpu.vram_gb << 30),
        vram_free: Some(gpu.vram_gb << 30),
        shared_memory: false,
        driver: String::new(),
        cuda: None,
        compute_capability: gpu.compute_capability.clone(),
    }
}
