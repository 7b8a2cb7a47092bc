//! The recommendation of the first page: the best model that runs on the given devices, the limit of the
//! choice, and the smallest upgrade for a better one. Never recommends a model or a download that does not
//! fit.
use hardware::Snapshot;

use crate::fit::best_fit_among;
use crate::units::{pages, pages_zh, rate, size};
use crate::upgrade::upgrade;
use crate::{Catalog, ComputeDevice, Devices, Fit, KvDtype, ModelFacts, Sentence, Variant, Verdict};

/// Context length in tokens that a recommendation allows.
pub const DEFAULT_CONTEXT: u32 = 16_384;
/// Free disk space kept for chats and the system.
const DISK_RESERVE: u64 = 500_000_000;

#[derive(Debug, Clone, PartialEq)]
pub struct Recommendation {
    /// `None` if no model fits; the sentence then offers the Guide.
    pub model_id: Option<String>,
    pub variant_id: Option<String>,
    pub sentence: Sentence,
    pub upgrade: Option<Sentence>,
    /// Bytes.
    pub download_size: u64,
}

/// A rankable model with its best variant for these devices.
struct Candidate<'a> {
    model: &'a ModelFacts,
    fit: Fit,
    /// The files are on the disk, or fit on it.
    obtainable: bool,
}

/// Why no better model is chosen.
enum Limit<'a> {
    /// This model would run well, but its files do not fit on the disk.
    Disk(&'a Candidate<'a>),
    /// This model fits in memory, but is slow.
    Speed(&'a Candidate<'a>),
    Memory,
}

/// `local` are the ids of models whose files are already on the disk.
pub fn recommend(
    snapshot: &Snapshot,
    devices: Devices,
    catalog: &Catalog,
    local: &[String],
) -> Recommendation {
    let candidates: Vec<Candidate> =
        ranked(catalog).into_iter().map(|model| candidate(snapshot, devices, model, local)).collect();
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
            sentence: no_fit_sentence(snapshot, &candidates),
            upgrade,
            download_size: 0,
        };
    };
    let better: Vec<&Candidate> = candidates.iter().filter(|it| it.model.rank > chosen.model.rank).collect();
    let limit = limit(chosen, &better);
    Recommendation {
        model_id: Some(chosen.model.id.clone()),
        variant_id: Some(chosen.fit.variant_id.clone()),
        sentence: sentence(snapshot, devices, chosen, &limit),
        upgrade,
        download_size: chosen.fit.weights,
    }
}

/// Models with a rank, lowest first.
pub(crate) fn ranked(catalog: &Catalog) -> Vec<&ModelFacts> {
    let mut models: Vec<&ModelFacts> = catalog.models().iter().filter(|model| model.rank > 0).collect();
    models.sort_by_key(|model| model.rank);
    models
}

/// The best variant among those that fit on the disk; among all if none fits.
fn candidate<'a>(
    snapshot: &Snapshot,
    devices: Devices,
    model: &'a ModelFacts,
    local: &[String],
) -> Candidate<'a> {
    let present = local.contains(&model.id);
    let admits = |variant: &Variant| present || has_room(snapshot, variant.size);
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
fn limit<'a>(chosen: &Candidate, better: &[&'a Candidate<'a>]) -> Limit<'a> {
    let blocked = |it: &&&Candidate| !it.obtainable && it.fit.verdict == Verdict::RunsWell;
    if let Some(blocked) = better.iter().rev().find(blocked) {
        return Limit::Disk(blocked);
    }
    match better.iter().find(|it| it.fit.verdict == Verdict::Slow) {
        Some(slow) if chosen.fit.device == ComputeDevice::Cpu => Limit::Speed(slow),
        _ => Limit::Memory,
    }
}

fn no_fit_sentence(snapshot: &Snapshot, candidates: &[Candidate]) -> Sentence {
    // The first is the smallest.
    match candidates.iter().find(|it| !it.obtainable && it.fit.verdict != Verdict::TooLarge) {
        Some(it) => {
            let (name, free, needs) =
                (&it.model.name, size(snapshot.disk.free), size(it.fit.weights + DISK_RESERVE));
            Sentence {
                en: format!(
                    "The disk has {free} free, and {name} needs {needs} there; the built-in Guide runs anyway."
                ),
                zh: format!("磁盘可用空间只有 {free}，而 {name} 需要 {needs}；内置的 Guide 模型仍可使用。"),
            }
        }
        None => Sentence {
            en: "No DeepSeek model fits in the free memory of this computer; the built-in Guide runs anyway."
                .into(),
            zh: "这台电脑的空闲内存放不下任何 DeepSeek 模型；内置的 Guide 模型仍可使用。".into(),
        },
    }
}

fn sentence(snapshot: &Snapshot, devices: Devices, chosen: &Candidate, limit: &Limit) -> Sentence {
    let (name, fit) = (&chosen.model.name, &chosen.fit);
    let (about, about_zh) = match fit.speed_estimate {
        Some(speed) if fit.device == ComputeDevice::Cpu => (
            format!(" Expect about {} words per second.", rate(speed)),
            format!("预计每秒约 {} 个词。", rate(speed)),
        ),
        _ => Default::default(),
    };
    let (best, best_zh) = if fit.verdict == Verdict::Slow {
        (
            "the smallest that there is; it will answer slowly.".to_owned(),
            "最小的模型，但回答会较慢。".to_owned(),
        )
    } else {
        why(snapshot, devices, fit, limit)
    };
    Sentence { en: format!("{name}: {best}{about}"), zh: format!("{name}：{best_zh}{about_zh}") }
}

/// The limiting factor with its value.
fn why(snapshot: &Snapshot, devices: Devices, fit: &Fit, limit: &Limit) -> (String, String) {
    match limit {
        Limit::Disk(other) => {
            let (name, free, needs) =
                (&other.model.name, size(snapshot.disk.free), size(other.fit.weights + DISK_RESERVE));
            (
                format!(
                    "the best that fits on the disk, which has {free} free. {name} would run too, and needs {needs} there."
                ),
                format!("磁盘放得下的最佳模型（可用 {free}）。{name} 也能运行，但需要 {needs} 磁盘空间。"),
            )
        }
        Limit::Speed(other) => {
            let name = &other.model.name;
            match other.fit.speed_estimate {
                Some(speed) => (
                    format!(
                        "the best that this processor answers with as fast as people read. {name} fits in memory too, but writes only about {} words per second.",
                        rate(speed)
                    ),
                    format!(
                        "这台电脑的处理器能以阅读速度回答的最佳模型。{name} 内存也放得下，但每秒只能写约 {} 个词。",
                        rate(speed)
                    ),
                ),
                None => (
                    format!(
                        "the best that this processor is expected to answer with as fast as people read. {name} fits in memory too, but would answer slowly."
                    ),
                    format!(
                        "这台电脑的处理器预计能以阅读速度回答的最佳模型。{name} 内存也放得下，但回答会较慢。"
                    ),
                ),
            }
        }
        Limit::Memory => {
            let (room, room_zh) = (pages(fit.context), pages_zh(fit.context));
            let (location, location_zh) = location_text(snapshot, devices, fit);
            (
                format!("the best that leaves room for {room} of conversation in {location}."),
                format!("在{location_zh}里能留出{room_zh}对话空间的最佳模型。"),
            )
        }
    }
}

fn location_text(snapshot: &Snapshot, devices: Devices, fit: &Fit) -> (String, String) {
    if fit.device != ComputeDevice::Gpu {
        let ram = size(snapshot.ram_available);
        return (format!("the {ram} of memory now free"), format!(" {ram} 空闲内存"));
    }
    let largest = devices.gpus(snapshot).filter_map(|gpu| gpu.vram_total).max().unwrap_or(0);
    // The nominal size.
    let gpu = (largest as f64 / (1u64 << 30) as f64).round();
    match fit.gpus {
        1 => (format!("your {gpu} GB card"), format!(" {gpu} GB 显卡")),
        n => (format!("{n} of your cards"), format!(" {n} 张显卡")),
    }
}
