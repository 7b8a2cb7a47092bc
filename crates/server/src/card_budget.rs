//! What the weights of a model take of a card's memory, from the headers of its files. Nothing is loaded.
//! The rest of the budget is in `checkpoint::memory`, which the catalogue counts with too.
use checkpoint::memory::{
    ActivationSizes, BudgetParams, CardBudget, MemoryBudget, VISION, WeightParts, cache_shape, part,
    requantized, weight_parts,
};
use checkpoint::{Dtype, ModelConfig, WeightError, WeightSource};
use models::cards::matrix_bytes;

/// Why a model cannot be on a card whatever its memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnsupportedFormat(pub Dtype);

/// `requantize` as in `models::LoadOptions`.
///
/// # Errors
/// The first format that no kernel reads.
pub fn card_budget(
    config: &ModelConfig,
    weights: &dyn WeightSource,
    params: &BudgetParams,
    requantize: Option<Dtype>,
) -> Result<CardBudget, UnsupportedFormat> {
    let bytes = card_weights(config, weights, requantize)?.values().sum();
    Ok(CardBudget::new(bytes, cache_shape(config), ActivationSizes::of(config), params))
}

/// Bytes of the weights on a card, by part.
///
/// # Errors
/// As `card_budget`.
pub fn card_weights(
    config: &ModelConfig,
    weights: &dyn WeightSource,
    requantize: Option<Dtype>,
) -> Result<WeightParts, UnsupportedFormat> {
    let mut parts = WeightParts::new();
    for name in weights.names() {
        let Ok((dtype, shape)) = weights.layout(&name) else { continue };
        let part = part(config, &name);
        if part == VISION {
            continue;
        }
        let bytes = match shape[..] {
            [rows, cols] => {
                let matrix = name.strip_suffix(".weight").unwrap_or(&name);
                let target = requantize.and_then(|target| requantized(matrix, dtype, cols, target));
                let dtype = target.unwrap_or(dtype);
                matrix_bytes(dtype, rows, cols).ok_or(UnsupportedFormat(dtype))?
            }
            _ => shape.iter().product::<usize>() as u64 * 4,
        };
        *parts.entry(part).or_default() += bytes;
    }
    Ok(parts)
}

/// What a model will take where it will run.
///
/// # Errors
/// A tensor whose header is invalid.
pub fn memory_budget(
    config: &ModelConfig,
    weights: &dyn WeightSource,
    params: &BudgetParams,
    requantize: Option<Dtype>,
    on_card: bool,
) -> Result<MemoryBudget, WeightError> {
    let parts = weight_parts(config, weights, requantize)?;
    if !on_card {
        return Ok(MemoryBudget::on_host(config, parts, params));
    }
    // A model with a format that no kernel reads was refused before.
    let on_card = card_weights(config, weights, requantize).unwrap_or_default();
    Ok(MemoryBudget::on_card(config, on_card, parts.get(VISION).copied(), params))
}

#[cfg(test)]
mod tests {
    use catalog::{Catalog, Devices, KvDtype, Spec, fit};
    use checkpoint::RandomWeights;
    use hardware::{Cpu, Disk, Gpu, GpuVendor, Snapshot};
    use serde_json::Value;

    use super::*;

    fn config(text: &str) -> ModelConfig {
        ModelConfig::from_json(serde_json::from_str::<Value>(text).expect("is JSON")).expect("is a model")
    }

    fn computer(vram: u64) -> Snapshot {
        Snapshot {
            os: String::new(),
            cpu: Cpu::default(),
            ram_total: 1 << 40,
            ram_available: 1 << 40,
            gpus: vec![Gpu {
                name: "NVIDIA H200".into(),
                vendor: GpuVendor::Nvidia,
                vram_total: Some(vram),
                vram_free: Some(vram),
                shared_memory: false,
                driver: "580".into(),
                cuda: Some("13.0".into()),
                compute_capability: Some("9.0".into()),
            }],
            gpu_problem: None,
            disk: Disk { models_dir: "/".into(), total: 0, free: 0 },
            memory_bandwidth: None,
        }
    }

    /// The catalogue knows a file by its size alone, the worker by its headers.
    #[test]
    fn the_catalogue_counts_what_the_worker_counts() {
        for (id, text) in [
            (
                "deepseek-r1-distill-qwen-1.5b",
                include_str!("../../../bench/shapes/r1-distill-qwen-1.5b.json"),
            ),
            ("deepseek-coder-v2-lite-instruct", include_str!("../../../bench/shapes/v2-lite.json")),
        ] {
            let (config, mut facts) = (config(text), Catalog::builtin().model(id).expect("is known").clone());
            for dtype in [Dtype::Q4K, Dtype::Q8_0, Dtype::BF16] {
                let weights = RandomWeights::new(&config, 0, dtype);
                let variant = &mut facts.variants[0];
                (variant.size, variant.precision) = (weights.total_bytes(), dtype.name().into());
                let (context, sequences, kv) = (16_384, 1, KvDtype::Bf16);
                let spec = Spec { variant: variant.id.clone(), context, sequences, kv };
                let params = BudgetParams::on_card(context as usize, 2);
                let worker = card_budget(&config, &weights, &params, None).expect("is supported");
                let verdict = fit(&computer(1 << 37), Devices::AUTO, &facts, &spec);
                assert_eq!(verdict.kv, worker.cache, "{id}");
                let ratio = verdict.needed as f64 / worker.needed() as f64;
                assert!((1.0..1.02).contains(&ratio), "{id} {dtype:?}: {ratio}");
            }
        }
    }

    #[test]
    fn requantized_weights_are_counted_as_they_will_be() {
        let config = config(include_str!("../../../bench/shapes/v2-lite.json"));
        let weights = RandomWeights::new(&config, 0, Dtype::BF16);
        let bytes = |requantize| {
            card_weights(&config, &weights, requantize).expect("is supported").values().sum::<u64>() as f64
        };
        let (wide, small) = (bytes(None), bytes(Some(Dtype::Q4K)));
        // 4.5 of 16 bits, with the head, kv_b_proj and rows that are no whole blocks wider.
        assert!((0.28..0.40).contains(&(small / wide)), "{}", small / wide);
        let unsupported = RandomWeights::new(&config, 0, Dtype::IQ2XS);
        assert_eq!(card_weights(&config, &unsupported, None), Err(UnsupportedFormat(Dtype::IQ2XS)));
    }
}
