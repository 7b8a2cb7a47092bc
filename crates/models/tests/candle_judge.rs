//! Models of random shape and weights beside those of candle-transformers, which others wrote: a judge
//! without Python and without fixtures. Latent attention without YaRN: its softmax scale differs there from
//! DeepSeek's own.
mod fixture;

use std::collections::HashMap;

use candle_core::{DType, Device, Module, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::deepseek2::{DeepSeekV2, DeepSeekV2Config};
use candle_transformers::models::llama::{Cache, Llama, LlamaConfig};
use candle_transformers::models::{qwen2, qwen3, siglip};
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

fn tensors(weights: &RandomWeights) -> HashMap<String, Tensor> {
    let tensor = |name: String| {
        let view = weights.tensor(&name).expect("it is listed");
        let tensor = Tensor::from_vec(view.to_f32(), view.shape.clone(), &Device::Cpu).expect("its shape");
        (name, tensor)
    };
    weights.names().into_iter().map(tensor).collect()
}

fn var_builder(tensors: HashMap<String, Tensor>) -> VarBuilder<'static> {
    VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu)
}

/// The tensors of a tower, by the names that candle gives them.
fn siglip_tensors(ours: HashMap<String, Tensor>) -> HashMap<String, Tensor> {
    let mut theirs = HashMap::new();
    for (name, tensor) in ours {
        let Some(name) = name.strip_prefix("vision.") else { continue };
        let name = name
            .replace("patch_embed.proj", "embeddings.patch_embedding")
            .replace("blocks.", "encoder.layers.")
            .replace("norm1", "layer_norm1")
            .replace("norm2", "layer_norm2")
            .replace("attn.proj", "self_attn.out_proj");
        if name == "pos_embed" {
            let positions = tensor.squeeze(0).expect("one batch");
            theirs.insert("embeddings.position_embedding.weight".to_owned(), positions);
        } else if name.contains("attn.qkv") {
            for (part, tensor) in
                ["q_proj", "k_proj", "v_proj"].iter().zip(tensor.chunk(3, 0).expect("three"))
            {
                theirs.insert(name.replace("attn.qkv", &format!("self_attn.{part}")), tensor);
            }
        } else if let Some(end) = name.strip_prefix("norm.") {
            theirs.insert(format!("post_layernorm.{end}"), tensor);
        } else {
            theirs.insert(name, tensor);
        }
    }
    theirs
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
    let mut judge = judge(config, var_builder(tensors(&weights)));
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

#[test]
fn the_vision_tower_equals_candles() {
    for seed in 0..SHAPES {
        let shape = &mut Shape(seed);
        let text = include_str!("../../../bench/shapes/vl2-tiny.json");
        let mut config: Value = serde_json::from_str(text).expect("it is JSON");
        let (heads, patch) = (shape.of(&[2, 3, 4]), shape.of(&[14, 16]));
        let (width, layers) = (heads * shape.of(&[16, 24]), shape.of(&[1, 2, 3]));
        let image = patch * shape.of(&[5, 6]);
        config["vision_config"] = json!({
            "model_type": "vision", "image_size": image, "patch_size": patch, "width": width, "layers": layers,
            "heads": heads, "mlp_ratio": 2.5,
        });
        config["projector_config"]["input_dim"] = json!(width);
        config["candidate_resolutions"] = json!([[image, image]]);
        for (field, size) in [("num_hidden_layers", 1), ("vocab_size", 256), ("intermediate_size", 64)] {
            config["language_config"][field] = json!(size);
        }
        let parsed = ModelConfig::from_json(config).expect("it is supported");
        let weights = RandomWeights::new(&parsed, seed, Dtype::F32);
        let theirs: siglip::VisionConfig = serde_json::from_value(json!({
            "image_size": image, "patch_size": patch, "hidden_size": width, "num_hidden_layers": layers,
            "num_attention_heads": heads, "intermediate_size": (width as f64 * 2.5) as usize,
        }))
        .expect("a configuration");
        let judge = siglip::VisionModel::new(&theirs, false, var_builder(siglip_tensors(tensors(&weights))))
            .expect("a tower");
        let tokenizer = TokenizerSource::Folder(Default::default());
        let checkpoint = Checkpoint { config: parsed, weights: Box::new(weights), tokenizer };
        let model = models::load(&checkpoint, &options(), &mut |_, _| {}).expect("it loads");
        let pixels: Vec<f32> =
            (0..3 * image * image).map(|at| ((at * at + 3 * at) % 255) as f32 / 127.5 - 1.0).collect();
        let [ours, _] = model.vision().expect("a vision model").features(&pixels).expect("it is encoded");
        let pixels = Tensor::from_vec(pixels, (1, 3, image, image), &Device::Cpu).expect("an image");
        let theirs =
            judge.forward(&pixels).and_then(|it| it.flatten_all()?.to_vec1::<f32>()).expect("features");
        let largest = theirs.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
        let apart = fixture::apart(&ours, &theirs);
        assert!(apart <= 2e-4 * largest, "seed {seed}: {apart} of {largest}");
    }
}
