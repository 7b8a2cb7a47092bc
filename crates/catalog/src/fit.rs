//! Does a model fit, where, and with how long a conversation? Counts free memory, never total alone,
//! all parameters, never the active ones, and the cache as the architecture really stores it.
use hardware::{Gpu, GpuVendor, Snapshot};

use crate::units::{pages, pages_zh, rate, size};
use crate::{Cache, Catalog, Devices, KvDtype, ModelFacts, Sentence, Variant};

const GIB: u64 = 1 << 30;
const GPU_OVERHEAD: u64 = GIB * 3 / 2;
const CPU_OVERHEAD: u64 = GIB / 2;
/// Left to the rest of the machine when a model runs in main memory.
const RAM_RESERVE: u64 = GIB;
const SHORTEST: u32 = 2048;
/// Tokens per second under which a reader waits for the text.
const READABLE: f64 = 5.0;
/// Bytes per second taken for the verdict while memory was not measured; never shown as a speed.
const ASSUMED_BANDWIDTH: f64 = 25e9;
/// Share of the bandwidth that decoding reaches.
const EFFICIENCY: f64 = 0.6;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    pub variant: String,
    /// Tokens of conversation wanted; the model's own maximum caps it.
    pub context: u32,
    /// Conversations at the same time.
    pub sequences: u32,
    pub kv: KvDtype,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    TooLarge,
    Slow,
    ShortContext,
    RunsWell,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    Nowhere,
    Cpu,
    Gpu,
}

/// Sizes are bytes over all cards used.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    pub variant_id: String,
    pub verdict: Verdict,
    pub place: Place,
    /// Cards used.
    pub gpus: u32,
    /// Tokens that each conversation can have.
    pub context: u32,
    pub weights: u64,
    pub kv: u64,
    pub overhead: u64,
    pub needed: u64,
    pub available: u64,
    /// Tokens per second; `None` when no bandwidth is known.
    pub speed_estimate: Option<f64>,
    pub reason: Sentence,
}

/// The verdict for one variant on the devices that compute, or `TooLarge` when the model has no such variant.
pub fn fit(snapshot: &Snapshot, devices: Devices, model: &ModelFacts, spec: &Spec) -> Fit {
    let Some(variant) = model.variants.iter().find(|v| v.id == spec.variant) else {
        let reason = Sentence { en: "No such files.".into(), zh: "没有这样的文件。".into() };
        return Fit { reason, ..nothing(&spec.variant) };
    };
    let mut tries = on_gpus(snapshot, devices, model, variant, spec);
    tries.extend(on_cpu(snapshot, model, variant, spec));
    let mut best = tries
        .into_iter()
        .reduce(|best, next| if key(&next) > key(&best) { next } else { best })
        .unwrap_or_else(|| nothing(&variant.id));
    best.reason = reason(model, variant, spec, &best);
    best
}

/// The best variant: verdict first, then the better precision on cards and the smaller files on a processor.
pub fn best_fit(snapshot: &Snapshot, devices: Devices, model: &ModelFacts, context: u32, kv: KvDtype) -> Fit {
    best_of(snapshot, devices, model, (context, kv), |_| true)
}

/// As [`best_fit`], among the variants that `admits` takes.
pub(crate) fn best_of(
    snapshot: &Snapshot,
    devices: Devices,
    model: &ModelFacts,
    (context, kv): (u32, KvDtype),
    admits: impl Fn(&Variant) -> bool,
) -> Fit {
    model
        .variants
        .iter()
        .filter(|variant| admits(variant))
        .map(|v| fit(snapshot, devices, model, &Spec { variant: v.id.clone(), context, sequences: 1, kv }))
        .reduce(|best, next| {
            let smaller = best.place != Place::Gpu && next.weights < best.weights;
            let (a, b) = ((best.verdict, best.place), (next.verdict, next.place));
            if b > a || (b == a && smaller) { next } else { best }
        })
        .unwrap_or_else(|| nothing(""))
}

/// Better fits are greater; among refusals the one that came nearest is told.
fn key(fit: &Fit) -> (Verdict, Place, u32, std::cmp::Reverse<u64>) {
    (fit.verdict, fit.place, fit.context, std::cmp::Reverse(fit.needed.saturating_sub(fit.available)))
}

fn nothing(variant: &str) -> Fit {
    Fit {
        variant_id: variant.to_owned(),
        verdict: Verdict::TooLarge,
        place: Place::Nowhere,
        gpus: 0,
        context: 0,
        weights: 0,
        kv: 0,
        overhead: 0,
        needed: 0,
        available: 0,
        speed_estimate: None,
        reason: Sentence { en: String::new(), zh: String::new() },
    }
}

/// `available` against weights, cache and overhead; `copies` is how often the cache is held.
fn weigh(model: &ModelFacts, variant: &Variant, spec: &Spec, available: u64, fixed: u64, copies: u64) -> Fit {
    let wanted = spec.context.min(model.context_max);
    let overhead = fixed + variant.size / 50;
    let per_token = model.cache.bytes_per_token(spec.kv) * copies * u64::from(spec.sequences.max(1));
    let room = available.saturating_sub(variant.size + overhead) / per_token.max(1);
    let possible = u32::try_from(room).unwrap_or(u32::MAX).min(wanted);
    let fits = possible >= wanted.min(SHORTEST);
    // What does not fit is told with what was asked for.
    let context = if fits { possible } else { wanted };
    let kv = u64::from(context) * per_token;
    let verdict = match (fits, possible >= wanted) {
        (false, _) => Verdict::TooLarge,
        (true, false) => Verdict::ShortContext,
        (true, true) => Verdict::RunsWell,
    };
    Fit {
        verdict,
        context: if fits { context } else { 0 },
        weights: variant.size,
        kv,
        overhead,
        needed: variant.size + kv + overhead,
        available,
        ..nothing(&variant.id)
    }
}

fn on_gpus(
    snapshot: &Snapshot,
    devices: Devices,
    model: &ModelFacts,
    variant: &Variant,
    spec: &Spec,
) -> Vec<Fit> {
    let mut tries = Vec::new();
    for vendor in [GpuVendor::Nvidia, GpuVendor::Amd] {
        let mut cards: Vec<&Gpu> = devices
            .gpus(snapshot)
            .filter(|gpu| gpu.vendor == vendor && (variant.precision != "FP8" || has_fp8(gpu)))
            .collect();
        cards.sort_by_key(|gpu| std::cmp::Reverse(budget(gpu, snapshot)));
        for count in [1usize, 2, 4, 8, 16].into_iter().filter(|n| *n <= cards.len()) {
            let n = count as u64;
            let copies = match model.cache {
                // Every rank holds the whole latent; heads are divided among ranks.
                Cache::Latent { .. } => n,
                Cache::Heads { kv_heads, .. } => n.div_ceil(kv_heads),
            };
            let available = budget(cards[count - 1], snapshot) * n;
            let mut fit = weigh(model, variant, spec, available, GPU_OVERHEAD * n, copies);
            fit.gpus = count as u32;
            if fit.verdict != Verdict::TooLarge {
                fit.place = Place::Gpu;
                let bandwidth = cards[..count].iter().map(|gpu| bandwidth(gpu)).sum::<Option<f64>>();
                fit.speed_estimate = bandwidth.map(|b| speed(b, model, variant));
            }
            tries.push(fit);
        }
    }
    tries
}

fn on_cpu(snapshot: &Snapshot, model: &ModelFacts, variant: &Variant, spec: &Spec) -> Option<Fit> {
    if variant.precision == "FP8" && !model.embedded {
        return None;
    }
    // The Guide is megabytes; the general overhead would hide that it runs anywhere.
    let guide = model.family == crate::FamilyKind::Guide;
    let fixed = if guide { GIB / 8 } else { CPU_OVERHEAD };
    let available = usable_ram(snapshot);
    let mut fit = weigh(model, variant, spec, available, fixed, 1);
    if fit.verdict != Verdict::TooLarge {
        fit.place = Place::Cpu;
        fit.speed_estimate = snapshot.memory_bandwidth.map(|b| speed(b, model, variant));
        let judged = fit.speed_estimate.unwrap_or_else(|| speed(ASSUMED_BANDWIDTH, model, variant));
        if judged < READABLE {
            fit.verdict = Verdict::Slow;
        }
    }
    Some(fit)
}

/// What an engine may take of the main memory: the same for every model.
fn usable_ram(snapshot: &Snapshot) -> u64 {
    let most = snapshot.ram_available / 10 * 9;
    most - RAM_RESERVE.min(most / 4)
}

/// What an engine may take of a card: nine tenths of it, and never more than is free. Memory that it shares with the
/// system is treated as the processor's is, and a card of unknown memory is counted on for nothing.
fn budget(gpu: &Gpu, snapshot: &Snapshot) -> u64 {
    match gpu.vram_total {
        _ if gpu.shared_memory => usable_ram(snapshot),
        Some(total) => (total / 10 * 9).min(gpu.vram_free.unwrap_or(total)),
        None => 0,
    }
}

fn has_fp8(gpu: &Gpu) -> bool {
    match &gpu.compute_capability {
        Some(text) => text.parse::<f64>().is_ok_and(|capability| capability >= 8.9),
        None => gpu.name.contains("MI3"),
    }
}

fn bandwidth(gpu: &Gpu) -> Option<f64> {
    let cards = Catalog::builtin().cards().iter();
    cards
        .filter(|card| gpu.name.contains(card.name.as_str()))
        .max_by_key(|card| card.name.len())
        .map(|card| card.bandwidth_gbs * 1e9)
}

/// Decoding reads the active share of the weights once for each token.
fn speed(bandwidth: f64, model: &ModelFacts, variant: &Variant) -> f64 {
    let touched = variant.size as f64 * model.params_active as f64 / model.params_total as f64;
    bandwidth * EFFICIENCY / touched
}

/// What a model that is too large needs: with the conversations that were asked for, and with the shortest where that is less.
fn refusal(name: &str, model: &ModelFacts, spec: &Spec, fit: &Fit, places: (&str, &str)) -> Sentence {
    let wanted = spec.context.min(model.context_max);
    let (room, room_zh) = (pages(wanted), pages_zh(wanted));
    let (talk, talk_zh) = match spec.sequences {
        0 | 1 => (format!("{room} of conversation"), format!("{room_zh}的对话")),
        many => (format!("{many} conversations of {room} each"), format!(" {many} 个{room_zh}的对话")),
    };
    let shortest = fit.kv / u64::from(wanted.max(1)) * u64::from(wanted.min(SHORTEST));
    let (need, have, least) = (size(fit.needed), size(fit.available), size(fit.needed - fit.kv + shortest));
    let (less, less_zh) = match least == need {
        true => Default::default(),
        false => (format!(" ({least} with the shortest)"), format!("（最短的对话也要 {least}）")),
    };
    let (place, place_zh) = places;
    Sentence {
        en: format!("{name} needs {need} with {talk}{less}, and only {have} of {place} can be used."),
        zh: format!("{name} 加上{talk_zh}需要 {need}{less_zh}，而可用{place_zh}只有 {have}。"),
    }
}

fn reason(model: &ModelFacts, variant: &Variant, spec: &Spec, fit: &Fit) -> Sentence {
    // The name of a file often says how its numbers are stored.
    let name = match model.name.ends_with(&variant.precision) {
        true => model.name.clone(),
        false => format!("{} {}", model.name, variant.precision),
    };
    let (need, have) = (size(fit.needed), size(fit.available));
    let (place, place_zh) = match fit.place {
        Place::Gpu => ("graphics memory", "显存"),
        _ if fit.gpus > 0 => ("graphics memory", "显存"),
        _ => ("main memory", "内存"),
    };
    let (en, zh) = match fit.verdict {
        Verdict::RunsWell => (
            format!("{name} needs {need} of the {have} of {place} that can be used."),
            format!("{name} 需要 {need}，可用{place_zh}有 {have}。"),
        ),
        Verdict::ShortContext => (
            format!(
                "{name} fits, but {have} of {place} leave room for only {} of conversation.",
                pages(fit.context)
            ),
            format!("{name} 放得下，但 {have} {place_zh}只够{}的对话。", pages_zh(fit.context)),
        ),
        Verdict::Slow => match fit.speed_estimate {
            Some(speed) => (
                format!("{name} fits in memory, but answers slowly: about {} words per second.", rate(speed)),
                format!("{name} 内存放得下，但回答较慢：约每秒 {} 个词。", rate(speed)),
            ),
            None => (
                format!("{name} fits in memory ({need}), but this processor is expected to answer slowly."),
                format!("{name} 内存放得下（{need}），但这台电脑的处理器预计回答较慢。"),
            ),
        },
        Verdict::TooLarge if fit.needed == 0 => (
            format!("{name} needs a card with FP8 (compute capability 8.9 or newer)."),
            format!("{name} 需要支持 FP8 的显卡（计算能力 8.9 或更高）。"),
        ),
        Verdict::TooLarge => return refusal(&name, model, spec, fit, (place, place_zh)),
    };
    Sentence { en, zh }
}
