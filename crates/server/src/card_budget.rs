//! What the weights of a model take of a card's memory, from the headers of its files. Nothing is loaded.
//! The rest of the budget is in `checkpoint::memory`, which the catalogue counts with too.
use std::collections::BTreeMap;

use checkpoint::memory::{ActivationSizes, BudgetParams, CardBudget, cache_shape, part, requantized};
use checkpoint::{Dtype, ModelConfig, WeightSource};
use models::cards::matrix_bytes;

/// The part that stays in host memory.
pub const VISION: &str = "vision";

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
) -> Result<BTreeMap<&'static str, u64>, UnsupportedFormat> {
    let mut parts = BTreeMap::new();
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
