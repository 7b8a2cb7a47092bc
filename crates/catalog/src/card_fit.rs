//! Whether a model fits wholly on one card, by the rule and the arithmetic of the worker: weights as they are
//! stored, pages of the cache, activations, a reserve. A model that does not runs on the processor.
use checkpoint::memory::{BudgetParams, CARD_CONTEXT, CardBudget};
use formats::kv_cache::{CacheKind, CacheShape};
use hardware::{Gpu, Snapshot};
use protocol::DEFAULT_SEQUENCES;

use crate::devices::{Card, short_name};
use crate::verdict::{CardShortage, ComputeDevice, Fit, Spec, Verdict, is_slow, speed, usable_ram};
use crate::{Catalog, Devices, KvCache, ModelFacts, Variant};

/// The fraction of a card's bandwidth by its data sheet that large products reach, and the time of a layer
/// besides them: together they come within 15 % of the four models that were measured on an H200
/// (docs/design/cuda.md).
const EFFICIENCY: f64 = 0.5;
const LAYER_SECONDS: f64 = 30e-6;
/// Tokens per second: nothing faster was measured, however few the bytes.
const FASTEST: f64 = 1000.0;
/// What rows of padded blocks may add to the bytes of a file: 1/64.
const PADDING: u64 = 64;
/// Formats that no kernel of the card reads, by the beginning of their names.
pub const CARD_WITHOUT: [&str; 3] = ["IQ1", "IQ2", "IQ3"];

/// Where a model would be on a card.
pub(crate) enum CardFit {
    Fits(Fit),
    /// With the first of the cards that were tried.
    TooLarge(CardShortage, CardBudget),
    /// There is no card, or none computes the model.
    NoCard,
}

/// The first card that holds the model, as the worker chooses.
pub(crate) fn card_fit(
    snapshot: &Snapshot,
    devices: Devices,
    model: &ModelFacts,
    variant: &Variant,
    spec: &Spec,
) -> CardFit {
    let Some(budget) = budget(model, variant, spec) else { return CardFit::NoCard };
    let mut shortage = None;
    for card in devices.cards(snapshot) {
        let available = card_available(card.gpu, snapshot);
        if budget.needed() <= available {
            return CardFit::Fits(fit(&card, &budget, model, variant, spec, available));
        }
        shortage.get_or_insert(CardShortage {
            card: short_name(&card.gpu.name).to_owned(),
            needed: budget.needed(),
            available,
        });
    }
    shortage.map_or(CardFit::NoCard, |shortage| CardFit::TooLarge(shortage, budget))
}

/// What the worker would count for these files; `None` for files that it does not run on a card.
fn budget(model: &ModelFacts, variant: &Variant, spec: &Spec) -> Option<CardBudget> {
    let without_kernel = CARD_WITHOUT.iter().any(|format| variant.precision.starts_with(format));
    let activations = model.activations.filter(|_| model.embedded && !without_kernel)?;
    let mtp = model.shape.as_ref().map_or(0, |shape| u64::from(shape.mtp_layers));
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let (layers, kind) = match model.cache {
        KvCache::Mla { layers, width, rope } => {
            (layers, CacheKind::Latent { latent: size(width.saturating_sub(rope)), rope: size(rope) })
        }
        KvCache::Gqa { layers, kv_heads, head_dim } => {
            (layers, CacheKind::Gqa { kv_heads: size(kv_heads), head_dim: size(head_dim) })
        }
        KvCache::Sparse { .. } => return None,
    };
    let shape = CacheShape { kind, layers: size(layers.saturating_add(mtp)) };
    let context = spec.context.min(model.context_max);
    let params =
        BudgetParams::on_card(context as usize, spec.sequences.max(DEFAULT_SEQUENCES.into()) as usize);
    Some(CardBudget::new(padded(variant.size), shape, activations, &params))
}

/// What weights of so many bytes take of a card at most.
pub fn padded(bytes: u64) -> u64 {
    bytes.saturating_add(bytes / PADDING)
}

fn fit(
    card: &Card,
    budget: &CardBudget,
    model: &ModelFacts,
    variant: &Variant,
    spec: &Spec,
    available: u64,
) -> Fit {
    let speed_estimate = bandwidth(card.gpu).map(|bandwidth| tokens_per_second(bandwidth, model, variant));
    let slow = speed_estimate.is_some_and(is_slow);
    Fit {
        verdict: if slow { Verdict::Slow } else { Verdict::RunsWell },
        device: ComputeDevice::Gpu,
        card: Some(short_name(&card.gpu.name).to_owned()),
        context: spec.context.min(model.context_max),
        weights: budget.weights,
        kv: budget.cache,
        overhead: budget.needed() - budget.weights - budget.cache,
        needed: budget.needed(),
        available,
        speed_estimate,
        ..Fit::none(&variant.id)
    }
}

/// `bandwidth` is that of the data sheet, in bytes per second.
fn tokens_per_second(bandwidth: f64, model: &ModelFacts, variant: &Variant) -> f64 {
    let products = 1.0 / speed(bandwidth * EFFICIENCY, model, variant);
    (1.0 / (products + model.cache.layers() as f64 * LAYER_SECONDS)).min(FASTEST)
}

/// The memory of a card that a model may use: what is free, less what the driver takes for the worker. A card
/// that shares main memory has that of the processor.
pub fn card_available(gpu: &Gpu, snapshot: &Snapshot) -> u64 {
    let free = if gpu.shared_memory { usable_ram(snapshot) } else { gpu.vram_free.unwrap_or(0) };
    free.saturating_sub(CARD_CONTEXT)
}

fn bandwidth(gpu: &Gpu) -> Option<f64> {
    let specs = Catalog::builtin().gpus().iter();
    specs
        .filter(|spec| gpu.name.contains(spec.name.as_str()))
        .max_by_key(|spec| spec.name.len())
        .map(|spec| spec.bandwidth_gbs * 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The files of docs/design/cuda.md, without the embedding, which a token does not read.
    #[test]
    fn the_speed_on_a_card_is_near_what_was_measured() {
        for (id, gigabytes, measured) in [
            ("deepseek-r1-distill-qwen-1.5b", 0.98, 920.0),
            ("deepseek-coder-v2-lite-instruct", 10.2, 626.0),
            ("deepseek-r1-distill-qwen-7b", 4.37, 400.0),
            ("deepseek-r1-distill-qwen-14b", 8.55, 204.0),
        ] {
            let model = Catalog::builtin().model(id).expect("is known");
            let variant = Variant { size: (gigabytes * 1e9) as u64, ..model.variants[0].clone() };
            let expected = tokens_per_second(4.8e12, model, &variant);
            assert!((expected / measured - 1.0).abs() < 0.15, "{id}: {expected}");
        }
    }
}
