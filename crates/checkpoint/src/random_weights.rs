//! RandomWeights weights with the shapes of a real model, for benchmarks and tests. Tensors are generated on
//! demand and depend only on the seed and the name. Quantised tensors are generated as blocks, because
//! quantising fifteen billion values would take an hour.
use std::collections::BTreeMap;
use std::path::PathBuf;

use formats::Dtype;
use half::f16;

use crate::{ModelConfig, TensorView, WeightError, WeightSource};

/// Rows and columns of an FP8 block with one scale.
const FP8_BLOCK: usize = 128;

/// Standard deviation of logits: the distribution is about as peaked as that of a trained model. With 1 it
/// would be nearly flat, and whoever measures a sampler would measure what never happens.
const HEAD_PEAK: f32 = 4.0;

/// A weight source with random values.
#[derive(Debug)]
pub struct RandomWeights {
    seed: u64,
    tensors: BTreeMap<String, (Dtype, Vec<usize>)>,
}

impl RandomWeights {
    /// Matrices in `dtype` (one that [`formats::encode`] supports), with the mix of real files: norms, biases
    /// and the router stay f32; rows that are not a multiple of 256 become Q8_0, and those not a multiple of
    /// 32 f16; the embedding and head of FP8 models are bf16.
    pub fn new(config: &ModelConfig, seed: u64, dtype: Dtype) -> Self {
        let mut tensors = BTreeMap::new();
        for (name, shape) in config.tensors() {
            let stored = dtype_for(&name, &shape, dtype);
            if stored == Dtype::F8E4M3 {
                let scales = shape.iter().map(|size| size.div_ceil(FP8_BLOCK)).collect();
                tensors.insert(format!("{name}_scale_inv"), (Dtype::F32, scales));
            }
            tensors.insert(name, (stored, shape));
        }
        Self { seed, tensors }
    }
}

impl WeightSource for RandomWeights {
    fn names(&self) -> Vec<String> {
        self.tensors.keys().cloned().collect()
    }

    fn tensor(&self, name: &str) -> Result<TensorView, WeightError> {
        let (dtype, shape) = &self.layout(name)?;
        let count = shape.iter().product();
        let mut rng = Rng::new(self.seed, name);
        let std = spread(name, shape);
        let mut bytes = Vec::new();
        match dtype {
            Dtype::Q8_0 | Dtype::Q6K | Dtype::Q4K => {
                let size = dtype.bytes_of(count).expect("chosen to fit");
                bytes.reserve_exact(size);
                for _ in 0..size / dtype.block_bytes() {
                    block(*dtype, std, &mut rng, &mut bytes);
                }
            }
            Dtype::F32 | Dtype::F16 | Dtype::BF16 | Dtype::F8E4M3 => {
                let values: Vec<f32> = match (name, shape.len()) {
                    (name, _) if name.ends_with("_scale_inv") => vec![std_of_fp8(name, self); count],
                    (name, 1) if name.ends_with("norm.weight") => {
                        (0..count).map(|_| 1.0 + 0.05 * rng.normal()).collect()
                    }
                    (_, 1) => (0..count).map(|_| 0.1 * rng.normal()).collect(),
                    (_, _) if *dtype == Dtype::F8E4M3 => (0..count).map(|_| rng.normal()).collect(),
                    (_, _) => (0..count).map(|_| std * rng.normal()).collect(),
                };
                formats::encode(*dtype, &values, &mut bytes);
            }
            other => {
                let reason = format!("random weights are not made in {}", other.name());
                return Err(WeightError::Invalid { path: PathBuf::from("random"), reason });
            }
        }
        Ok(TensorView::owned(*dtype, shape.clone(), bytes))
    }

    fn layout(&self, name: &str) -> Result<(Dtype, Vec<usize>), WeightError> {
        self.tensors.get(name).cloned().ok_or_else(|| WeightError::Missing(name.to_owned()))
    }

    fn total_bytes(&self) -> u64 {
        let bytes =
            |(dtype, shape): &(Dtype, Vec<usize>)| dtype.bytes_of(shape.iter().product()).unwrap_or(0) as u64;
        self.tensors.values().map(bytes).sum()
    }
}

fn dtype_for(name: &str, shape: &[usize], dtype: Dtype) -> Dtype {
    let [.., cols] = shape else { return Dtype::F32 };
    if shape.len() == 1 || name.ends_with("mlp.gate.weight") {
        return Dtype::F32;
    }
    if dtype == Dtype::F8E4M3 {
        let whole = ["embed_tokens.weight", "lm_head.weight", "eh_proj.weight", "shared_head.head.weight"];
        return if whole.iter().any(|part| name.ends_with(part)) { Dtype::BF16 } else { dtype };
    }
    if cols.is_multiple_of(dtype.block_len()) {
        dtype
    } else if cols.is_multiple_of(Dtype::Q8_0.block_len()) {
        Dtype::Q8_0
    } else {
        Dtype::F16
    }
}

/// The standard deviation of a tensor's values.
fn spread(name: &str, shape: &[usize]) -> f32 {
    let peak = if name == "lm_head.weight" { HEAD_PEAK } else { 1.0 };
    peak / (*shape.last().unwrap_or(&1) as f32).sqrt()
}

/// FP8 codes have a standard deviation of 1; the block scale gives the matrix its own.
fn std_of_fp8(scales: &str, source: &RandomWeights) -> f32 {
    let name = scales.strip_suffix("_scale_inv").unwrap_or(scales);
    source.tensors.get(name).map_or(1.0, |(_, shape)| spread(name, shape))
}

/// A block of random codes whose decoded values have mean 0 and standard deviation `std`.
fn block(dtype: Dtype, std: f32, rng: &mut Rng, out: &mut Vec<u8>) {
    let start = out.len();
    while out.len() < start + dtype.block_bytes() {
        out.extend_from_slice(&rng.next().to_le_bytes());
    }
    out.truncate(start + dtype.block_bytes());
    let block = &mut out[start..];
    let mut scale = |at: usize, value: f32| {
        block[at..at + 2].copy_from_slice(&f16::from_f32(value).to_le_bytes());
    };
    match dtype {
        // The standard deviation of uniform bytes is 73.9.
        Dtype::Q8_0 => scale(0, std / 73.9),
        // That of uniform 6-bit codes is 18.5; the sub-block scales become 32 and -32.
        Dtype::Q6K => {
            scale(208, std / (18.5 * 32.0));
            block[192..208].iter_mut().for_each(|byte| *byte = if *byte & 1 == 0 { 32 } else { 224 });
        }
        // That of uniform 4-bit codes is 4.61 around 7.5; all sub-block scales and mins become 32.
        _ => {
            scale(0, std / (4.61 * 32.0));
            scale(2, std / (4.61 * 32.0) * 7.5);
            block[4..12].fill(0xA0);
            block[12..16].fill(0);
        }
    }
}

/// xorshift64*, seeded by the tensor's name so that tensors can be generated in any order.
struct Rng(u64);

impl Rng {
    fn new(seed: u64, name: &str) -> Self {
        // FNV-1a.
        let mixed = name.bytes().fold(seed ^ 0xCBF2_9CE4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        });
        Self(mixed | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// An approximately normal value: the sum of four uniform 16-bit values, mean 0, standard deviation 1.
    fn normal(&mut self) -> f32 {
        let bits = self.next();
        let sum: u64 = (0..4).map(|part| bits >> (16 * part) & 0xFFFF).sum();
        (sum as f32 / 65536.0 - 2.0) * 1.732
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> ModelConfig {
        let value = serde_json::json!({
            "architectures": ["DeepseekV3ForCausalLM"], "vocab_size": 64, "hidden_size": 512, "intermediate_size": 256,
            "num_hidden_layers": 2, "num_attention_heads": 4, "kv_lora_rank": 64, "qk_nope_head_dim": 16,
            "qk_rope_head_dim": 8, "v_head_dim": 12, "n_routed_experts": 4, "moe_intermediate_size": 256, "n_group": 2,
            "topk_group": 1, "num_experts_per_tok": 2, "first_k_dense_replace": 1, "max_position_embeddings": 128,
        });
        ModelConfig::from_json(value).expect("it is supported")
    }

    #[test]
    fn every_tensor_has_the_spread_of_a_trained_one_whatever_it_is_stored_as() {
        let config = config();
        for dtype in [Dtype::F32, Dtype::F16, Dtype::BF16, Dtype::F8E4M3, Dtype::Q8_0, Dtype::Q6K, Dtype::Q4K]
        {
            let source = RandomWeights::new(&config, 7, dtype);
            for (name, shape) in config.tensors().iter().filter(|(_, shape)| shape.len() == 2) {
                let view = source.tensor(name).expect(name);
                assert_eq!(&view.shape, shape, "{name}");
                let scale =
                    source.tensor(&format!("{name}_scale_inv")).map_or(1.0, |scales| scales.to_f32()[0]);
                let values = view.to_f32();
                let square: f32 = values.iter().map(|value| (value * scale).powi(2)).sum();
                let peak = if name == "lm_head.weight" { HEAD_PEAK } else { 1.0 };
                let std = (square / values.len() as f32 * shape[1] as f32).sqrt() / peak;
                assert!((0.85..1.15).contains(&std), "{dtype:?}, {name}, {:?}: {std}", view.dtype);
            }
        }
    }

    #[test]
    fn types_are_chosen_as_files_have_them_and_a_seed_gives_the_same() {
        let config = config();
        let check = |dtype, name: &str, expect| {
            let view = RandomWeights::new(&config, 7, dtype).tensor(name).expect(name);
            assert_eq!(view.dtype, expect, "{name}");
        };
        check(Dtype::Q4K, "model.layers.0.mlp.gate_proj.weight", Dtype::Q4K);
        check(Dtype::Q4K, "model.layers.0.self_attn.kv_b_proj.weight", Dtype::Q8_0);
        check(Dtype::Q4K, "model.layers.0.self_attn.o_proj.weight", Dtype::F16);
        check(Dtype::Q4K, "model.layers.1.mlp.gate.weight", Dtype::F32);
        check(Dtype::F8E4M3, "model.embed_tokens.weight", Dtype::BF16);
        check(Dtype::F8E4M3, "model.layers.1.mlp.experts.0.up_proj.weight", Dtype::F8E4M3);
        let source = |seed| RandomWeights::new(&config, seed, Dtype::Q4K);
        let name = "model.layers.1.mlp.experts.0.up_proj.weight";
        let bytes = |seed| source(seed).tensor(name).expect(name).bytes().to_vec();
        assert_eq!(bytes(1), bytes(1));
        assert_ne!(bytes(1), bytes(2));
        let total: u64 = source(1)
            .names()
            .iter()
            .map(|name| source(1).tensor(name).expect(name).bytes().len() as u64)
            .sum();
        assert_eq!(source(1).total_bytes(), total);
    }
}
