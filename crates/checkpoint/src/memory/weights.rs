//! Which part of a model a tensor is, and the format that a matrix gets when it is requantized. Both follow
//! from the tensor's name.
use formats::Dtype;
use protocol::WeightDtype;

use crate::ModelConfig;

/// The part that stays in main memory when a model is on a card.
pub const VISION: &str = "vision";

/// The part of a tensor, by the names that the ledger of a loaded model has.
pub fn part(config: &ModelConfig, name: &str) -> &'static str {
    let layer =
        name.strip_prefix("model.layers.").and_then(|rest| rest.split('.').next()?.parse::<usize>().ok());
    if layer.is_some_and(|layer| layer >= config.decoder().num_hidden_layers) {
        return "prediction";
    }
    if config.images().is_some() && !name.starts_with("language.") {
        return VISION;
    }
    if name.contains(".mlp.experts.") {
        "experts"
    } else if name.contains(".self_attn.") {
        "attention"
    } else if name.contains("embed_tokens") || name.contains("lm_head") {
        "vocabulary"
    } else {
        "dense"
    }
}

/// The type of weights that is requantized to on request.
pub fn weight_dtype(dtype: WeightDtype) -> Dtype {
    match dtype {
        WeightDtype::F32 => Dtype::F32,
        WeightDtype::F16 => Dtype::F16,
        WeightDtype::Bf16 => Dtype::BF16,
        WeightDtype::Q80 => Dtype::Q8_0,
        WeightDtype::Q6K => Dtype::Q6K,
        WeightDtype::Q4K => Dtype::Q4K,
    }
}

/// The smallest type that a matrix may be requantized to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MinDtype {
    /// Router gates: the choice of experts must not depend on the quantization.
    Unchanged,
    /// The up-projection of latent attention, which is applied before and after the softmax, and the vision
    /// tower.
    Q8,
    /// The head.
    Q6,
    Any,
}

/// The type that the matrix `name`, without ".weight", is requantized to when `target` is asked for; `None`
/// when it is quantized already or its rows are no whole blocks. Rows that are not a multiple of 256 but of
/// 32 become Q8_0.
pub fn requantized(name: &str, dtype: Dtype, cols: usize, target: Dtype) -> Option<Dtype> {
    let bits = |dtype: Dtype| dtype.block_bytes() as f64 / dtype.block_len() as f64;
    let min = match min_dtype(name) {
        MinDtype::Unchanged => return None,
        MinDtype::Q8 => Dtype::Q8_0,
        MinDtype::Q6 => Dtype::Q6K,
        MinDtype::Any => target,
    };
    let target = if bits(min) > bits(target) { min } else { target };
    let fits = |dtype: &Dtype| cols.is_multiple_of(dtype.block_len());
    let is_wide = matches!(dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16 | Dtype::F8E4M3);
    if is_wide { [target, Dtype::Q8_0].into_iter().find(fits) } else { None }
}

fn min_dtype(name: &str) -> MinDtype {
    // The loss of the vision tower below Q8_0 has not been measured.
    if name.starts_with("vision.") || name.starts_with("projector.") {
        return MinDtype::Q8;
    }
    match name.rsplit('.').next().unwrap_or_default() {
        "gate" => MinDtype::Unchanged,
        "kv_b_proj" => MinDtype::Q8,
        "lm_head" | "eh_proj" => MinDtype::Q6,
        _ => MinDtype::Any,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_gets_the_format_that_its_use_allows() {
        let of = |name, dtype, cols| requantized(name, dtype, cols, Dtype::Q4K);
        assert_eq!(of("model.layers.0.mlp.up_proj", Dtype::BF16, 512), Some(Dtype::Q4K));
        assert_eq!(of("model.layers.0.mlp.up_proj", Dtype::BF16, 96), Some(Dtype::Q8_0));
        assert_eq!(of("model.layers.0.mlp.up_proj", Dtype::BF16, 33), None);
        assert_eq!(of("model.layers.0.mlp.up_proj", Dtype::Q5K, 512), None);
        assert_eq!(of("model.layers.3.mlp.gate", Dtype::BF16, 512), None);
        assert_eq!(of("model.layers.3.self_attn.kv_b_proj", Dtype::F8E4M3, 512), Some(Dtype::Q8_0));
        assert_eq!(of("lm_head", Dtype::F16, 512), Some(Dtype::Q6K));
        // What is asked for is never narrowed.
        assert_eq!(requantized("lm_head", Dtype::F16, 512, Dtype::Q8_0), Some(Dtype::Q8_0));
    }
}
