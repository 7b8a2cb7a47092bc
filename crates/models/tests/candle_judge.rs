//! Models of random shape and weights beside those of candle-transformers, which others wrote: a judge
//! without Python and without fixtures. Latent attention without YaRN: its softmax scale differs there from
//! DeepSeek's own.
mod fixture;

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::deepseek2::{DeepSeekV2, DeepSeekV2Config};
use candle_transformers::models::llama::{Cache, Llama, LlamaConfig};
use candle_transformers::models::{qwen2, qwen3};
use checkpoint::{Checkpoint, Dtype, ModelConfig, RandomWeights, TokenizerSource, WeightSource};
use fixture::{Run, options};
use models::{CacheDtype, OutputRequest};
use serde_json::{Value, json};

const VOCAB: u32 = 300;
const SHAPES: u64 = 6;
/// Tokens of the prompt, then single ones.
const PROMPT: usize = 37;
const TOKENS: usize = 41;

/// Small numbers that follow from a seed.
struct Shape(u64);

impl Shape {
    /// One of `choices`.
    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        self.0 = self.0.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        choices[(self.0 >> 33) as usize % choices.len()]
    }
}

/// A forward pass of the judge: tokens and the position of the first, to the logits of the last.
type Judge = Box<dyn FnMut(&[u32], usize) -> Vec<f32>>;

fn input(tokens: &[u32]) -> Tensor {
    Tensor::new(tokens, &Device::Cpu).and_then(|tokens| tokens.unsqueeze(0)).expect("tokens")
}

fn last(logits: candle_core::Result<Tensor>) -> Vec<f32> {
    let logits = logits.and_then(|logits| logits.flatten_all()?.to_vec1::<f32>()).expect("logits");
    logits[logits.len() - VOCAB as usize..].to_vec()
}

fn var_builder(weights: &RandomWeights) -> VarBuilder<'static> {
    let tensor = |name: String| {
        let view = weights.tensor(&name).expect("it is listed");
        let tensor = Tensor::from_vec(view.to_f32(), view.shape.clone(), &Device::Cpu).expect("its shape");
        (name, tensor)
    };
    let tensors: HashMap<String, Tensor> = weights.names().into_iter().map(tensor).collect();
    VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu)
}

/// The fields that all families have.
fn decoder(shape: &mut Shape, family: &str, architecture: &str) -> Value {
    let heads = shape.of(&[2, 4, 6]);
    json!({
        "architectures": [architecture],
        "model_type": family,
        "vocab_size": VOCAB,
        "hidden_size": heads * shape.of(&[16, 32]),
        "intermediate_size": shape.of(&[48, 96, 160]),
        "num_hidden_layers": shape.of(&[1, 2, 3]),
        "num_attention_heads": heads,
        "num_key_value_heads": shape.of(&[1, 2]),
        "hidden_act": "silu",
        "rms_norm_eps": shape.of(&[1e-5, 1e-6]),
        "max_position_embeddings": 256,
        "rope_theta": shape.of(&[10_000.0, 500_000.0]),
        "tie_word_embeddings": false,
        "attention_bias": false,
        "sliding_window": 4096,
        "max_window_layers": 28,
        "use_sliding_window": false,
    })
}

fn check(seed: u64, config: Value, judge: impl FnOnce(Value, VarBuilder<'static>) -> Judge) {
    let what = format!("seed {seed}: {config}");
    let parsed = ModelConfig::from_json(config.clone()).expect(&what);
    let weights = RandomWeights::new(&parsed, seed, Dtype::F32);
    let mut judge = judge(config, var_builder(&weights));
    let tokenizer = TokenizerSource::Folder(Default::default());
    let checkpoint = Checkpoint { config: parsed, weights: Box::new(weights), tokenizer };
    let model = models::load(&checkpoint, &options(), &mut |_, _| {}).expect(&what);
    let mut run = Run::new(&*model, CacheDtype::F32);
    let tokens: Vec<u32> = (0..TOKENS as u32).map(|at| (at * at + 7 * at + seed as u32) % VOCAB).collect();
    let mut past = 0;
    while past < TOKENS {
        let count = if past == 0 { PROMPT } else { 1 };
        let part = &tokens[past..past + count];
        let (ours, theirs) = (run.read(part, OutputRequest::Last).logits, judge(part, past));
        let largest = theirs.iter().fold(0.0f32, |largest, logit| largest.max(logit.abs()));
        let apart = fixture::apart(&ours, &theirs);
        assert!(apart <= 2e-4 * largest, "{what}, token {past}: {apart} of {largest}");
        past += count;
    }
}

#[test]
fn qwen2_equals_candles() {
    for seed in 0..SHAPES {
        let config = decoder(&mut Shape(seed), "qwen2", "Qwen2ForCausalLM");
        check(seed, config, |config, vb| {
            let config: qwen2::Config = serde_json::from_value(config).expect("a configuration");
            let mut model = qwen2::ModelForCausalLM::new(&config, vb).expect("a model");
            Box::new(move |tokens, past| last(model.forward(&input(tokens), past)))
        });
    }
}

#[test]
fn qwen3_equals_candles() {
    for seed in 0..SHAPES {
        let mut config = decoder(&mut Shape(seed), "qwen3", "Qwen3ForCausalLM");
        config["head_dim"] = json!(Shape(seed + 100).of(&[16, 32]));
        check(seed, config, |config, vb| {
            let config: qwen3::Config = serde_json::from_value(config).expect("a configuration");
            let mut model = qwen3::ModelForCausalLM::new(&config, vb).expect("a model");
            Box::new(move |tokens, past| last(model.forward(&input(tokens), past)))
        });
    }
}

#[test]
fn llama_equals_candles() {
    for seed in 0..SHAPES {
        let config = decoder(&mut Shape(seed), "llama", "LlamaForCausalLM");
        check(seed, config, |config, vb| {
            let config: LlamaConfig = serde_json::from_value(config).expect("a configuration");
            let config = config.into_config(false);
            let mut cache = Cache::new(true, DType::F32, &config, &Device::Cpu).expect("a cache");
            let model = Llama::load(vb, &config).expect("a model");
            Box::new(move |tokens, past| last(model.forward(&input(tokens), past, &mut cache)))
        });
    }
}

#[test]
fn deepseek_v2_equals_candles() {
    for seed in 0..SHAPES {
        let shape = &mut Shape(seed);
        let mut config = decoder(shape, "deepseek_v2", "DeepseekV2ForCausalLM");
        let heads = config["num_attention_heads"].clone();
        let more = json!({
            "num_key_value_heads": heads,
            "rope_scaling": null,
            "kv_lora_rank": shape.of(&[32, 64]),
            "q_lora_rank": if shape.of(&[true, false]) { json!(48) } else { Value::Null },
            "qk_rope_head_dim": shape.of(&[8, 16]),
            "qk_nope_head_dim": shape.of(&[16, 32]),
            "v_head_dim": shape.of(&[16, 32]),
            "first_k_dense_replace": 1,
            "moe_layer_freq": 1,
            "n_routed_experts": 8,
            "num_experts_per_tok": shape.of(&[2, 3]),
            "n_shared_experts": shape.of(&[1, 2]),
            "moe_intermediate_size": 32,
            "n_group": 1,
            "topk_group": 1,
            "topk_method": "greedy",
            "scoring_func": "softmax",
            "norm_topk_prob": false,
            "routed_scaling_factor": 1.0,
        });
        let fields = config.as_object_mut().expect("an object");
        fields.extend(more.as_object().expect("an object").clone());
        check(seed, config, |config, vb| {
            let config: DeepSeekV2Config = serde_json::from_value(config).expect("a configuration");
            let mut model = DeepSeekV2::new(&config, vb).expect("a model");
            Box::new(move |tokens, past| last(model.forward(&input(tokens), past)))
        });
    }
}
