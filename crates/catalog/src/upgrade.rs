//! The smallest upgrade that lets a better model run well: a GPU if the engine uses GPUs, else main memory.
//! `None` if the limit is speed, because more memory would not help.
use hardware::{Gpu, GpuVendor, Snapshot};

use crate::fit::DEFAULT_CONTEXT;
use crate::{Catalog, ComputeDevice, Devices, GpuSpec, KvDtype, ModelFacts, Vendor, Verdict, best_fit};

/// Common main memory sizes in GiB.
const MEMORY_SIZES: [u64; 11] = [8, 16, 24, 32, 48, 64, 96, 128, 256, 512, 1024];
/// Assumed free memory of a computer in tenths.
const FREE_TENTHS: u64 = 8;

/// What to buy, and the name of the model that would then run well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upgrade {
    Memory {
        gib: u64,
        model: String,
    },
    /// `gpu` is an example of a GPU with `vram_gib`.
    Gpus {
        count: u64,
        vram_gib: u64,
        gpu: String,
        model: String,
    },
}

/// The upgrade for a model with a rank above `rank`.
pub(crate) fn upgrade(
    snapshot: &Snapshot,
    devices: Devices,
    catalog: &Catalog,
    rank: u32,
) -> Option<Upgrade> {
    let better: Vec<&ModelFacts> = catalog.ranked().into_iter().filter(|model| model.rank > rank).collect();
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
            Some(Upgrade::Gpus {
                count: n,
                vram_gib: gpu.vram_gb,
                gpu: gpu.name.clone(),
                model: model.name.clone(),
            })
        })
    } else {
        MEMORY_SIZES.into_iter().filter(|gib| gib << 30 > snapshot.ram_total).find_map(|gib| {
            let host = Snapshot {
                ram_total: gib << 30,
                ram_available: (gib << 30) / 10 * FREE_TENTHS,
                ..snapshot.clone()
            };
            let model = runs(&host, ComputeDevice::Cpu)?;
            Some(Upgrade::Memory { gib, model: model.name.clone() })
        })
    }
}

/// NVIDIA only, because `new_gpu` describes no other vendor. Sorted by total memory, then by count.
fn gpus(catalog: &Catalog) -> Vec<(u64, &GpuSpec)> {
    let offered = catalog.gpus().iter().filter(|gpu| gpu.vendor == Vendor::Nvidia);
    let mut options: Vec<(u64, &GpuSpec)> = offered.flat_map(|gpu| [1, 2, 4, 8].map(|n| (n, gpu))).collect();
    options.sort_by_key(|(n, gpu)| (n * gpu.vram_gb, *n));
    options
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
