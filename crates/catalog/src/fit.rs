//! Whether a model fits, on which device, and with which context length. Counts free memory instead of total
//! memory, all parameters instead of active ones, and the KV cache as the architecture stores it.
use hardware::{Gpu, GpuVendor, Snapshot};

use crate::fit_reason::{FitReason, MemoryKind};
use crate::{Catalog, Devices, KvCache, KvDtype, ModelFacts, Variant};

/// Context length in tokens that a recommendation allows.
pub const DEFAULT_CONTEXT: u32 = 16_384;
const GIB: u64 = 1 << 30;
const GPU_OVERHEAD: u64 = GIB * 3 / 2;
const CPU_OVERHEAD: u64 = GIB / 2;
/// Main memory reserved for other programs.
const RAM_RESERVE: u64 = GIB;
const SHORTEST: u32 = 2048;
/// Tokens per second of a reader; slower output is rated slow.
const READABLE: f64 = 5.0;
/// Bytes per second assumed for the verdict until the bandwidth is measured; never shown as a speed.
const ASSUMED_BANDWIDTH: f64 = 25e9;
/// The fraction of the bandwidth that decoding reaches.
const EFFICIENCY: f64 = 0.6;

/// The requested variant, context length and concurrency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    pub variant: String,
    /// Requested context length in tokens, limited to the model's maximum.
    pub context: u32,
    /// Concurrent conversations.
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
pub enum ComputeDevice {
    None,
    Cpu,
    Gpu,
}

/// Sizes are in bytes over all GPUs used.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    pub variant_id: String,
    pub verdict: Verdict,
    pub device: ComputeDevice,
    /// Number of GPUs used.
    pub gpus: u32,
    /// Context length per conversation.
    pub context: u32,
    pub weights: u64,
    pub kv: u64,
    pub overhead: u64,
    pub needed: u64,
    pub available: u64,
    /// Tokens per second; `None` if the bandwidth is unknown.
    pub speed_estimate: Option<f64>,
    pub reason: FitReason,
}

/// The verdict for one variant on the given devices; `TooLarge` if the model has no such variant.
pub fn fit(snapshot: &Snapshot, devices: Devices, model: &ModelFacts, spec: &Spec) -> Fit {
    let Some(variant) = model.variants.iter().find(|v| v.id == spec.variant) else {
        return empty_fit(&spec.variant);
    };
    let mut candidates = on_gpus(snapshot, devices, model, variant, spec);
    candidates.extend(on_cpu(snapshot, model, variant, spec));
    let mut best = candidates
        .into_iter()
        .reduce(|best, next| if key(&next) > key(&best) { next } else { best })
        .unwrap_or_else(|| empty_fit(&variant.id));
    best.reason = reason(model, variant, spec, &best);
    best
}

/// The best variant: by verdict, then by precision on GPUs and by size on the CPU.
pub fn best_fit(snapshot: &Snapshot, devices: Devices, model: &ModelFacts, context: u32, kv: KvDtype) -> Fit {
    best_fit_among(snapshot, devices, model, (context, kv), |_| true)
}

/// As [`best_fit`], among the variants that `admits` accepts.
pub(crate) fn best_fit_among(
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
            let smaller = best.device != ComputeDevice::Gpu && next.weights < best.weights;
            let (a, b) = ((best.verdict, best.device), (next.verdict, next.device));
            if b > a || (b == a && smaller) { next } else { best }
        })
        .unwrap_or_else(|| empty_fit(""))
}

/// The order of fits: a better one is greater. Among those that do not fit, the one with the smallest
/// deficit.
fn key(fit: &Fit) -> (Verdict, ComputeDevice, u32, std::cmp::Reverse<u64>) {
    (fit.verdict, fit.device, fit.context, std::cmp::Reverse(fit.needed.saturating_sub(fit.available)))
}

fn empty_fit(variant: &str) -> Fit {
    Fit {
        variant_id: variant.to_owned(),
        verdict: Verdict::TooLarge,
        device: ComputeDevice::None,
        gpus: 0,
        context: 0,
        weights: 0,
        kv: 0,
        overhead: 0,
        needed: 0,
        available: 0,
        speed_estimate: None,
        reason: FitReason::NoFiles,
    }
}

/// Compares `available` with weights, cache and overhead. `copies` is the replication of the cache.
fn estimate(
    model: &ModelFacts,
    variant: &Variant,
    spec: &Spec,
    available: u64,
    fixed: u64,
    copies: u64,
) -> Fit {
    let requested = spec.context.min(model.context_max);
    let overhead = fixed + variant.size / 50;
    let per_token = model.cache.bytes_per_token(spec.kv) * copies * u64::from(spec.sequences.max(1));
    let room = available.saturating_sub(variant.size + overhead) / per_token.max(1);
    let possible = u32::try_from(room).unwrap_or(u32::MAX).min(requested);
    let fits = possible >= requested.min(SHORTEST);
    // If it does not fit, the sizes are those of the requested context.
    let context = if fits { possible } else { requested };
    let kv = u64::from(context) * per_token;
    let verdict = match (fits, possible >= requested) {
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
        ..empty_fit(&variant.id)
    }
}

fn on_gpus(
    snapshot: &Snapshot,
    devices: Devices,
    model: &ModelFacts,
    variant: &Variant,
    spec: &Spec,
) -> Vec<Fit> {
    let mut candidates = Vec::new();
    for vendor in [GpuVendor::Nvidia, GpuVendor::Amd] {
        let mut gpus: Vec<&Gpu> = devices
            .gpus(snapshot)
            .filter(|gpu| gpu.vendor == vendor && (variant.precision != "FP8" || has_fp8(gpu)))
            .collect();
        gpus.sort_by_key(|gpu| std::cmp::Reverse(budget(gpu, snapshot)));
        for count in [1usize, 2, 4, 8, 16].into_iter().filter(|n| *n <= gpus.len()) {
            let n = count as u64;
            let copies = match model.cache {
                // Every rank holds the full latent; KV heads are sharded.
                KvCache::Mla { .. } => n,
                KvCache::Gqa { kv_heads, .. } => n.div_ceil(kv_heads),
            };
            let available = budget(gpus[count - 1], snapshot) * n;
            let mut fit = estimate(model, variant, spec, available, GPU_OVERHEAD * n, copies);
            fit.gpus = count as u32;
            if fit.verdict != Verdict::TooLarge {
                fit.device = ComputeDevice::Gpu;
                let bandwidth = gpus[..count].iter().map(|gpu| bandwidth(gpu)).sum::<Option<f64>>();
                fit.speed_estimate = bandwidth.map(|b| speed(b, model, variant));
            }
            candidates.push(fit);
        }
    }
    candidates
}

fn on_cpu(snapshot: &Snapshot, model: &ModelFacts, variant: &Variant, spec: &Spec) -> Option<Fit> {
    if variant.precision == "FP8" && !model.embedded {
        return None;
    }
    // The Guide has a few megabytes; with the general overhead it would seem not to fit on small computers.
    let guide = model.family == crate::FamilyKind::Guide;
    let fixed = if guide { GIB / 8 } else { CPU_OVERHEAD };
    let available = usable_ram(snapshot);
    let mut fit = estimate(model, variant, spec, available, fixed, 1);
    if fit.verdict != Verdict::TooLarge {
        fit.device = ComputeDevice::Cpu;
        fit.speed_estimate = snapshot.memory_bandwidth.map(|b| speed(b, model, variant));
        let assumed = fit.speed_estimate.unwrap_or_else(|| speed(ASSUMED_BANDWIDTH, model, variant));
        if assumed < READABLE {
            fit.verdict = Verdict::Slow;
        }
    }
    Some(fit)
}

/// The main memory that an engine may use, independent of the model.
fn usable_ram(snapshot: &Snapshot) -> u64 {
    let most = snapshot.ram_available / 10 * 9;
    most - RAM_RESERVE.min(most / 4)
}

/// The memory of a GPU that an engine may use: 90 % of the total, at most what is free. Shared memory counts
/// as main memory, unknown memory as zero.
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
    let specs = Catalog::builtin().gpus().iter();
    specs
        .filter(|spec| gpu.name.contains(spec.name.as_str()))
        .max_by_key(|spec| spec.name.len())
        .map(|spec| spec.bandwidth_gbs * 1e9)
}

/// Decoding reads the active weights once per token.
fn speed(bandwidth: f64, model: &ModelFacts, variant: &Variant) -> f64 {
    let touched = variant.size as f64 * model.params_active as f64 / model.params_total as f64;
    bandwidth * EFFICIENCY / touched
}

fn reason(model: &ModelFacts, variant: &Variant, spec: &Spec, fit: &Fit) -> FitReason {
    // The name of a file often ends with its precision.
    let name = match model.name.ends_with(&variant.precision) {
        true => model.name.clone(),
        false => format!("{} {}", model.name, variant.precision),
    };
    let memory = match fit.device {
        ComputeDevice::Gpu => MemoryKind::Graphics,
        _ if fit.gpus > 0 => MemoryKind::Graphics,
        _ => MemoryKind::Main,
    };
    let (needed, available) = (fit.needed, fit.available);
    match fit.verdict {
        Verdict::RunsWell => FitReason::RunsWell { name, needed, available, memory },
        Verdict::ShortContext => FitReason::ShortContext { name, available, memory, context: fit.context },
        Verdict::Slow => FitReason::Slow { name, needed, speed: fit.speed_estimate },
        Verdict::TooLarge if needed == 0 => FitReason::NoFp8 { name },
        Verdict::TooLarge => {
            let context = spec.context.min(model.context_max);
            let shortest = fit.kv / u64::from(context.max(1)) * u64::from(context.min(SHORTEST));
            let shortest = needed - fit.kv + shortest;
            FitReason::TooLarge {
                name,
                needed,
                shortest,
                available,
                memory,
                context,
                sequences: spec.sequences.max(1),
            }
        }
    }
}
