//! Whether a model fits, on which device, and with which context length. Counts free memory instead of total
//! memory, all parameters instead of active ones, and the KV cache as the architecture stores it. A model is
//! on one card as a whole (`card_fit`) or on the processor, as the worker decides.
use hardware::Snapshot;
use protocol::PlaceChoice;

use crate::card_fit::{CardFit, card_fit};
use crate::fit_reason::{FitReason, MemoryKind};
use crate::verdict::{ComputeDevice, Fit, Spec, Verdict, is_slow, speed, usable_ram};
use crate::{Devices, KvDtype, ModelFacts, Variant};

/// Context length in tokens that a recommendation allows.
pub const DEFAULT_CONTEXT: u32 = 16_384;
const GIB: u64 = 1 << 30;
const CPU_OVERHEAD: u64 = GIB / 2;
const SHORTEST: u32 = 2048;
/// Bytes per second assumed for the verdict until the bandwidth is measured; never shown as a speed.
const ASSUMED_BANDWIDTH: f64 = 25e9;
/// The fraction of the bandwidth that decoding reaches.
const EFFICIENCY: f64 = 0.6;

/// The verdict for one variant on the given devices; `TooLarge` if the model has no such variant.
pub fn fit(snapshot: &Snapshot, devices: Devices, model: &ModelFacts, spec: &Spec) -> Fit {
    let Some(variant) = model.variants.iter().find(|v| v.id == spec.variant) else {
        return Fit::none(&spec.variant);
    };
    let chosen_by_hand = matches!(devices.0, PlaceChoice::Card(_));
    let mut fit = match card_fit(snapshot, devices, model, variant, spec) {
        CardFit::Fits(fit) => fit,
        // A card that was named is never replaced by the processor.
        CardFit::TooLarge(shortage, budget) if chosen_by_hand => Fit {
            weights: budget.weights,
            kv: budget.cache,
            overhead: budget.needed() - budget.weights - budget.cache,
            needed: budget.needed(),
            available: shortage.available,
            shortage: Some(shortage),
            ..Fit::none(&variant.id)
        },
        CardFit::NoCard if chosen_by_hand => {
            return Fit {
                reason: FitReason::NoCard { name: name(model, variant) },
                ..Fit::none(&variant.id)
            };
        }
        CardFit::TooLarge(shortage, _) => {
            Fit { shortage: Some(shortage), ..on_cpu(snapshot, model, variant, spec) }
        }
        CardFit::NoCard => on_cpu(snapshot, model, variant, spec),
    };
    fit.reason = reason(model, variant, spec, &fit, chosen_by_hand);
    fit
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
        .unwrap_or_else(|| Fit::none(""))
}

/// Compares `available` with weights, cache and overhead.
fn estimate(model: &ModelFacts, variant: &Variant, spec: &Spec, available: u64, fixed: u64) -> Fit {
    let requested = spec.context.min(model.context_max);
    let overhead = fixed + variant.size / 50;
    let per_token = model.cache.bytes_per_token(spec.kv) * u64::from(spec.sequences.max(1));
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
        ..Fit::none(&variant.id)
    }
}

fn on_cpu(snapshot: &Snapshot, model: &ModelFacts, variant: &Variant, spec: &Spec) -> Fit {
    // The Guide has a few megabytes; with the general overhead it would seem not to fit on small computers.
    let guide = model.family == crate::FamilyKind::Guide;
    let fixed = if guide { GIB / 8 } else { CPU_OVERHEAD };
    let mut fit = estimate(model, variant, spec, usable_ram(snapshot), fixed);
    if fit.verdict != Verdict::TooLarge {
        fit.device = ComputeDevice::Cpu;
        let speed = |bandwidth: f64| speed(bandwidth * EFFICIENCY, model, variant);
        fit.speed_estimate = snapshot.memory_bandwidth.map(speed);
        if is_slow(fit.speed_estimate.unwrap_or_else(|| speed(ASSUMED_BANDWIDTH))) {
            fit.verdict = Verdict::Slow;
        }
    }
    fit
}

/// The name of a file often ends with its precision.
fn name(model: &ModelFacts, variant: &Variant) -> String {
    match model.name.ends_with(&variant.precision) {
        true => model.name.clone(),
        false => format!("{} {}", model.name, variant.precision),
    }
}

/// `on_card` when only a card is allowed.
fn reason(model: &ModelFacts, variant: &Variant, spec: &Spec, fit: &Fit, on_card: bool) -> FitReason {
    let name = name(model, variant);
    let (needed, available) = (fit.needed, fit.available);
    match (fit.verdict, &fit.card) {
        (Verdict::RunsWell, Some(card)) => FitReason::OnCard { name, card: card.clone(), needed, available },
        (Verdict::RunsWell, None) => FitReason::RunsWell { name, needed, available },
        (Verdict::ShortContext, _) => FitReason::ShortContext { name, available, context: fit.context },
        (Verdict::Slow, Some(card)) => {
            FitReason::SlowOnCard { name, card: card.clone(), speed: fit.speed_estimate }
        }
        (Verdict::Slow, None) => FitReason::Slow { name, needed, speed: fit.speed_estimate },
        (Verdict::TooLarge, _) => {
            let context = spec.context.min(model.context_max);
            let shortest = fit.kv / u64::from(context.max(1)) * u64::from(context.min(SHORTEST));
            let shortest = needed - fit.kv + shortest;
            FitReason::TooLarge {
                name,
                needed,
                shortest,
                available,
                memory: if on_card { MemoryKind::Graphics } else { MemoryKind::Main },
                context,
                sequences: spec.sequences.max(1),
            }
        }
    }
}
