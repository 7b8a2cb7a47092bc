//! The recommendation of the first page: the best model that runs on the given devices, the limit of the
//! choice, and the smallest upgrade for a better one. Never recommends a model or a download that does not
//! fit.
use hardware::Snapshot;

use crate::fit::{DEFAULT_CONTEXT, best_fit_among};
use crate::upgrade::{Upgrade, upgrade};
use crate::{Catalog, ComputeDevice, Devices, Fit, KvDtype, ModelFacts, Variant, Verdict};

/// Free disk space kept for chats and the system.
const DISK_RESERVE: u64 = 500_000_000;

#[derive(Debug, Clone, PartialEq)]
pub struct Recommendation {
    /// `None` if no model fits.
    pub model_id: Option<String>,
    pub variant_id: Option<String>,
    pub reason: RecommendationReason,
    pub upgrade: Option<Upgrade>,
    /// Bytes.
    pub download_size: u64,
}

/// Why this model is recommended, or none. Models have their names, sizes are in bytes, speeds in tokens per
/// second.
#[derive(Debug, Clone, PartialEq)]
pub enum RecommendationReason {
    /// `speed` is an estimate from the bandwidth; `None` if that is not known.
    Best {
        model: String,
        limit: Limit,
        speed: Option<f64>,
    },
    /// Not even the smallest model fits on the disk.
    DiskFull {
        smallest: String,
        free: u64,
        needed: u64,
    },
    MemoryFull,
}

/// Why no better model is chosen.
#[derive(Debug, Clone, PartialEq)]
pub enum Limit {
    /// The model is slow, and the smallest that there is.
    Smallest,
    /// This model would run well, but its files do not fit on the disk.
    Disk { better: String, free: u64, needed: u64 },
    /// This model fits in memory, but is slow.
    Speed { better: String, speed: Option<f64> },
    /// The memory leaves room for `context` tokens.
    Memory { context: u32, location: Location },
}

/// Where a recommended model runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// Bytes of free main memory.
    Ram(u64),
    /// A card.
    Card(String),
}

/// A rankable model with its best variant for these devices.
struct Candidate<'a> {
    model: &'a ModelFacts,
    fit: Fit,
    /// The files are on the disk, or fit on it.
    obtainable: bool,
}

impl Candidate<'_> {
    /// Bytes of the files.
    fn download(&self) -> u64 {
        let variant = self.model.variants.iter().find(|variant| variant.id == self.fit.variant_id);
        variant.map_or(0, Variant::download)
    }
}

/// `local` are the ids of models whose files are already on the disk.
pub fn recommend(
    snapshot: &Snapshot,
    devices: Devices,
    catalog: &Catalog,
    local: &[String],
) -> Recommendation {
    let candidates: Vec<Candidate> =
        catalog.ranked().into_iter().map(|model| candidate(snapshot, devices, model, local)).collect();
    let of = |verdict| candidates.iter().filter(move |it| it.obtainable && it.fit.verdict == verdict);
    let chosen = of(Verdict::RunsWell)
        .next_back()
        .or_else(|| of(Verdict::ShortContext).next_back())
        .or_else(|| of(Verdict::Slow).next());
    let upgrade = upgrade(snapshot, devices, catalog, chosen.map_or(0, |it| it.model.rank));
    let Some(chosen) = chosen else {
        return Recommendation {
            model_id: None,
            variant_id: None,
            reason: no_fit_reason(snapshot, &candidates),
            upgrade,
            download_size: 0,
        };
    };
    let better: Vec<&Candidate> = candidates.iter().filter(|it| it.model.rank > chosen.model.rank).collect();
    Recommendation {
        model_id: Some(chosen.model.id.clone()),
        variant_id: Some(chosen.fit.variant_id.clone()),
        reason: RecommendationReason::Best {
            model: chosen.model.name.clone(),
            limit: limit(snapshot, chosen, &better),
            speed: chosen.fit.speed_estimate,
        },
        upgrade,
        download_size: chosen.download(),
    }
}

/// The best variant among those that fit on the disk; among all if none fits.
fn candidate<'a>(
    snapshot: &Snapshot,
    devices: Devices,
    model: &'a ModelFacts,
    local: &[String],
) -> Candidate<'a> {
    let present = local.contains(&model.id);
    let admits = |variant: &Variant| present || has_room(snapshot, variant.download());
    let obtainable = model.variants.iter().any(admits);
    let want = (DEFAULT_CONTEXT, KvDtype::Bf16);
    let fit = best_fit_among(snapshot, devices, model, want, |variant| !obtainable || admits(variant));
    Candidate { model, fit, obtainable }
}

/// True also if the free disk space is unknown.
fn has_room(snapshot: &Snapshot, download: u64) -> bool {
    snapshot.disk.total == 0 || download.saturating_add(DISK_RESERVE) <= snapshot.disk.free
}

/// The disk is checked first, because freeing space helps at once. On the CPU speed is next; on a GPU the
/// limit is its memory.
fn limit(snapshot: &Snapshot, chosen: &Candidate, better: &[&Candidate]) -> Limit {
    if chosen.fit.verdict == Verdict::Slow {
        return Limit::Smallest;
    }
    let blocked = |it: &&&Candidate| !it.obtainable && it.fit.verdict == Verdict::RunsWell;
    if let Some(blocked) = better.iter().rev().find(blocked) {
        return Limit::Disk {
            better: blocked.model.name.clone(),
            free: snapshot.disk.free,
            needed: blocked.download() + DISK_RESERVE,
        };
    }
    match better.iter().find(|it| it.fit.verdict == Verdict::Slow) {
        Some(slow) if chosen.fit.device == ComputeDevice::Cpu => {
            Limit::Speed { better: slow.model.name.clone(), speed: slow.fit.speed_estimate }
        }
        _ => {
            let location = match &chosen.fit.card {
                Some(card) => Location::Card(card.clone()),
                None => Location::Ram(snapshot.ram_available),
            };
            Limit::Memory { context: chosen.fit.context, location }
        }
    }
}

fn no_fit_reason(snapshot: &Snapshot, candidates: &[Candidate]) -> RecommendationReason {
    // The first is the smallest.
    match candidates.iter().find(|it| !it.obtainable && it.fit.verdict != Verdict::TooLarge) {
        Some(it) => RecommendationReason::DiskFull {
            smallest: it.model.name.clone(),
            free: snapshot.disk.free,
            needed: it.download() + DISK_RESERVE,
        },
        None => RecommendationReason::MemoryFull,
    }
}
