//! The least that would have to be bought for a better model to run well: graphics memory where the engine computes on
//! cards, else main memory. Nothing where speed binds and not memory: more of it would change nothing.
use hardware::{Gpu, GpuVendor, Snapshot};

use crate::recommend::{DEFAULT_CONTEXT, ranked};
use crate::units::with_article;
use crate::{Card, Catalog, Devices, KvDtype, ModelFacts, Place, Sentence, Vendor, Verdict, best_fit};

/// GiB of main memory that computers are sold with.
const MEMORY_SIZES: [u64; 11] = [8, 16, 24, 32, 48, 64, 96, 128, 256, 512, 1024];
/// Of a computer's memory, what is free after a start: tenths.
const FREE_TENTHS: u64 = 8;

/// For a model better than `rank`.
pub(crate) fn upgrade(
    snapshot: &Snapshot,
    devices: Devices,
    catalog: &Catalog,
    rank: u32,
) -> Option<Sentence> {
    let better: Vec<&ModelFacts> = ranked(catalog).into_iter().filter(|model| model.rank > rank).collect();
    let runs = |machine: &Snapshot, place: Place| {
        let fits = |model: &&ModelFacts| {
            let fit = best_fit(machine, devices, model, DEFAULT_CONTEXT, KvDtype::Bf16);
            fit.verdict == Verdict::RunsWell && fit.place == place
        };
        better.iter().rev().copied().find(fits)
    };
    if devices.nvidia {
        cards(catalog).into_iter().find_map(|(n, card)| {
            let gpus = (0..n).map(|_| bought(card)).collect();
            let model = runs(&Snapshot { gpus, ..snapshot.clone() }, Place::Gpu)?;
            Some(told(cards_named(n, card), model))
        })
    } else {
        MEMORY_SIZES.into_iter().filter(|gib| gib << 30 > snapshot.ram_total).find_map(|gib| {
            let machine = Snapshot {
                ram_total: gib << 30,
                ram_available: (gib << 30) / 10 * FREE_TENTHS,
                ..snapshot.clone()
            };
            let model = runs(&machine, Place::Cpu)?;
            Some(told((format!("{gib} GB of memory"), format!("有 {gib} GB 内存，就")), model))
        })
    }
}

fn told((what, what_zh): (String, String), model: &ModelFacts) -> Sentence {
    Sentence {
        en: format!("With {what} you could run {}.", model.name),
        zh: format!("{what_zh}可以运行 {}。", model.name),
    }
}

/// Of NVIDIA only: `bought` describes no other. The least memory first, of equals the fewest cards.
fn cards(catalog: &Catalog) -> Vec<(u64, &Card)> {
    let offered = catalog.cards().iter().filter(|card| card.vendor == Vendor::Nvidia);
    let mut options: Vec<(u64, &Card)> = offered.flat_map(|card| [1, 2, 4, 8].map(|n| (n, card))).collect();
    options.sort_by_key(|(n, card)| (n * card.vram_gb, *n));
    options
}

fn cards_named(n: u64, card: &Card) -> (String, String) {
    let (vram, name) = (card.vram_gb, &card.name);
    let one = with_article(&format!("{vram} GB card"));
    match n {
        1 => (format!("{one} (such as {name})"), format!("换用 {vram} GB 显卡（如 {name}）就")),
        n => (
            format!("{n} cards of {vram} GB (such as {name})"),
            format!("换用 {n} 张 {vram} GB 显卡（如 {name}）就"),
        ),
    }
}

fn bought(card: &Card) -> Gpu {
    Gpu {
        name: card.name.clone(),
        vendor: GpuVendor::Nvidia,
        vram_total: Some(card.vram_gb << 30),
        vram_free: Some(card.vram_gb << 30),
        shared_memory: false,
        driver: String::new(),
        cuda: None,
        compute_capability: card.compute_capability.clone(),
    }
}
