//! The smallest upgrade that lets a better model run well: a card if the engine may use one, else main
//! memory. `None` if the limit is speed, because more memory would not help.
use hardware::{Gpu, GpuVendor, Snapshot};
use protocol::PlaceChoice;

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
    /// `gpu` is an example of a card with `vram_gib`.
    Card {
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
    let runs = |host: &Snapshot, devices: Devices, device: ComputeDevice| {
        let fits = |model: &&ModelFacts| {
            let fit = best_fit(host, devices, model, DEFAULT_CONTEXT, KvDtype::Bf16);
            fit.verdict == Verdict::RunsWell && fit.device == device
        };
        better.iter().rev().copied().find(fits)
    };
    if devices.0 != PlaceChoice::Cpu {
        cards(catalog).into_iter().find_map(|gpu| {
            let host = Snapshot { gpus: vec![new_gpu(gpu)], ..snapshot.clone() };
            let model = runs(&host, Devices::AUTO, ComputeDevice::Gpu)?;
            let (vram_gib, gpu) = (gpu.vram_gb, gpu.name.clone());
            Some(Upgrade::Card { vram_gib, gpu, model: model.name.clone() })
        })
    } else {
        MEMORY_SIZES.into_iter().filter(|gib| gib << 30 > snapshot.ram_total).find_map(|gib| {
            let host = Snapshot {
                ram_total: gib << 30,
                ram_available: (gib << 30) / 10 * FREE_TENTHS,
                ..snapshot.clone()
            };
            let model = runs(&host, Devices::CPU, ComputeDevice::Cpu)?;
            Some(Upgrade::Memory { gib, model: model.name.clone() })
        })
    }
}

/// What the engine computes on, by memory.
fn cards(catalog: &Catalog) -> Vec<&GpuSpec> {
    let offered = catalog.gpus().iter().filter(|gpu| gpu.vendor == Vendor::Nvidia && !gpu.unified);
    let mut cards: Vec<&GpuSpec> = offered.collect();
    cards.sort_by_key(|gpu| gpu.vram_gb);
    cards
}

fn new_gpu(gpu: &GpuSpec) -> Gpu {
    Gpu {
        name: gpu.name.clone(),
        vendor: GpuVendor::Nvidia,
        vram_total: Some(gpu.memory()),
        vram_free: Some(gpu.memory()),
        shared_memory: false,
        driver: String::new(),
        cuda: None,
        compute_capability: gpu.compute_capability.clone(),
    }
}
