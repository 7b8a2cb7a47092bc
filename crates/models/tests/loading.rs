//! Loading: the configuration lists the tensors of the files, errors name a missing or misshapen tensor,
//! requantization reaches the right matrices, bytes and progress add up.
mod fixture;

use checkpoint::{
    Checkpoint, Dtype, ModelConfig, RandomWeights, TensorView, TokenizerSource, WeightError, WeightSource,
};
use fixture::{Run, cosine, folder, options};
use models::{CacheDtype, LoadError, LoadOptions, Model, OutputRequest, WeightKind};
use serde_json::{Value, json};

const CASES: &[&str] = &[
    "deepseek-v2/v2",
    "deepseek-v2/lite",
    "deepseek-v2/biased",
    "deepseek-v3/yarn",
    "deepseek-v3/plain-q",
    "deepseek-v3/fp8",
    "deepseek-v3/ue8m0",
    "deepseek-v3/mtp",
    "deepseek-moe/moe",
    "deepseek-moe/normed",
    "qwen2/distill",
    "qwen2/tied",
    "qwen3/yarn",
    "llama/llama3",
    "llama/linear",
];

fn open(case: &str) -> Checkpoint {
    checkpoint::open(&folder(case)).expect("the files are sound")
}

#[test]
fn the_configuration_lists_what_the_files_have() {
    // Copies that are not loaded, and scales that are part of a tensor's storage.
    let extra = |name: &str| {
        name.ends_with("weight_scale_inv")
            || name.ends_with("shared_head.head.weight")
            || name.contains("layers") && name.ends_with("embed_tokens.weight")
    };
    for case in CASES {
        let checkpoint = open(case);
        let mut listed = checkpoint.config.tensors();
        listed.sort();
        let stored = checkpoint.weights.names().into_iter().filter(|name| !extra(name));
        let stored: Vec<(String, Vec<usize>)> = stored
            .map(|name| {
                let shape = checkpoint.weights.tensor(&name).expect("it is named").shape;
                (name, shape)
            })
            .collect();
        assert_eq!(listed, stored, "{case}");
    }
}

/// A source without a tensor, or with it in another shape.
struct Broken {
    original: Box<dyn WeightSource>,
    ends: &'static str,
    reshaped: bool,
}

impl WeightSource for Broken {
    fn names(&self) -> Vec<String> {
        self.original.names()
    }

    fn tensor(&self, name: &str) -> Result<TensorView, WeightError> {
        match (name.ends_with(self.ends), self.reshaped) {
            (false, _) => self.original.tensor(name),
            (true, false) => Err(WeightError::Missing(name.to_owned())),
            (true, true) => self.original.tensor(name).map(|mut view| {
                view.shape.reverse();
                view
            }),
        }
    }

    fn layout(&self, name: &str) -> Result<(Dtype, Vec<usize>), WeightError> {
        self.tensor(name).map(|view| (view.dtype, view.shape))
    }

    fn total_bytes(&self) -> u64 {
        self.original.total_bytes()
    }
}

fn load_broken(case: &str, ends: &'static str, reshaped: bool) -> Result<Box<dyn Model>, LoadError> {
    let original = open(case);
    let weights = Box::new(Broken { original: original.weights, ends, reshaped });
    models::load(&Checkpoint { weights, ..original }, &options(), &mut |_, _| {})
}

#[test]
fn a_missing_tensor_and_a_wrong_shape_are_named() {
    let missing = |case, ends: &'static str| {
        let error = load_broken(case, ends, false).err().expect("it is refused");
        let named = matches!(&error, LoadError::Weight(WeightError::Missing(name)) if name.ends_with(ends));
        assert!(named, "{case}: {error}");
    };
    missing("deepseek-v2/v2", "layers.1.mlp.experts.3.up_proj.weight");
    missing("deepseek-v2/biased", "layers.1.self_attn.q_a_proj.bias");
    missing("deepseek-v3/fp8", "layers.1.self_attn.kv_b_proj.weight_scale_inv");
    missing("deepseek-v3/yarn", "gate.e_score_correction_bias");
    missing("qwen2/distill", "layers.2.self_attn.v_proj.bias");
    missing("qwen3/yarn", "layers.0.self_attn.k_norm.weight");
    match load_broken("llama/llama3", "layers.2.mlp.down_proj.weight", true).err().expect("it is refused") {
        LoadError::Shape { name, expected, actual } => {
            let found = (name.as_str(), expected, actual);
            assert_eq!(found, ("model.layers.2.mlp.down_proj.weight", vec![64, 96], vec![96, 64]));
        }
        other => panic!("{other}"),
    }
}

#[test]
fn an_mtp_layer_may_be_absent_but_not_partly() {
    assert!(!load_broken("deepseek-v3/mtp", "eh_proj.weight", false).expect("it loads").has_mtp());
    let error = load_broken("deepseek-v3/mtp", "layers.2.hnorm.weight", false).err().expect("it is refused");
    assert!(error.to_string().contains("model.layers.2.hnorm.weight"), "{error}");
}

#[test]
fn progress_grows_to_all_bytes_and_the_ledger_counts_what_is_kept() {
    for case in ["deepseek-v3/mtp", "deepseek-v3/fp8", "qwen2/tied"] {
        let checkpoint = open(case);
        let mut calls = Vec::new();
        let mut progress = |done, total| calls.push((done, total));
        let model = models::load(&checkpoint, &options(), &mut progress).expect("it loads");
        let total = checkpoint.weights.total_bytes();
        assert_eq!((calls[0], calls[calls.len() - 1]), ((0, total), (total, total)), "{case}");
        assert!(calls.windows(2).all(|pair| pair[0].0 <= pair[1].0), "{case}");
        let ledger = model.ledger();
        assert_eq!(ledger.formats().map(|(_, bytes)| bytes).sum::<u64>(), ledger.weights());
        assert_eq!(ledger.kind(WeightKind::Mtp) > 0, model.has_mtp());
    }
}

fn random(config: Value, dtype: Dtype) -> Checkpoint {
    let config = ModelConfig::from_json(config).expect("it is supported");
    let weights = Box::new(RandomWeights::new(&config, 1, dtype));
    Checkpoint { config, weights, tokenizer: TokenizerSource::Folder("none".into()) }
}

fn llama() -> Value {
    json!({"architectures": ["LlamaForCausalLM"], "vocab_size": 256, "hidden_size": 256, "intermediate_size": 512,
        "num_hidden_layers": 3, "num_attention_heads": 4, "max_position_embeddings": 128})
}

fn v3() -> Value {
    json!({"architectures": ["DeepseekV3ForCausalLM"], "vocab_size": 256, "hidden_size": 256,
        "intermediate_size": 512, "moe_intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 2,
        "n_routed_experts": 4, "n_group": 1, "topk_group": 1, "num_experts_per_tok": 2, "n_shared_experts": 1,
        "first_k_dense_replace": 1, "kv_lora_rank": 256, "q_lora_rank": null, "qk_nope_head_dim": 32,
        "qk_rope_head_dim": 16, "v_head_dim": 32, "max_position_embeddings": 128})
}

fn logits(model: &dyn Model) -> models::Logits {
    Run::new(model, CacheDtype::F32).read(&[3, 1, 4, 1, 5, 9, 2, 6], OutputRequest::All).logits
}

fn requantized(checkpoint: &Checkpoint, requantize: Option<Dtype>) -> Box<dyn Model> {
    let options = LoadOptions { requantize, ..options() };
    models::load(checkpoint, &options, &mut |_, _| {}).expect("it loads")
}

#[test]
fn a_requantized_model_is_smaller_and_answers_alike() {
    for stored in [Dtype::BF16, Dtype::F8E4M3, Dtype::F32] {
        let checkpoint = random(llama(), stored);
        let original = requantized(&checkpoint, None);
        let check = |to: Dtype, bits: f64, alike: f32| {
            let small = requantized(&checkpoint, Some(to));
            let elements =
                checkpoint.config.tensors().iter().map(|(_, s)| s.iter().product::<usize>()).sum::<usize>();
            let share = small.ledger().weights() as f64 * 8.0 / elements as f64;
            assert!((share - bits).abs() < 0.25, "{} to {}: {share} bits a weight", stored.name(), to.name());
            let alikeness = cosine(&logits(&*original), &logits(&*small));
            assert!(alikeness > alike, "{} to {}: {alikeness}", stored.name(), to.name());
        };
        check(Dtype::Q8_0, 8.5, 0.9995);
        check(Dtype::Q6K, 6.56, 0.996);
        check(Dtype::Q4K, 4.6, 0.94);
    }
}

#[test]
fn requantization_leaves_gates_alone_and_respects_minimum_types() {
    let checkpoint = random(v3(), Dtype::BF16);
    let model = requantized(&checkpoint, Some(Dtype::Q4K));
    let formats: std::collections::BTreeMap<&str, u64> = model.ledger().formats().collect();
    let of = |dtype: Dtype| formats.get(dtype.name()).copied().unwrap_or(0) as usize;
    let q8 = |count: usize| Dtype::Q8_0.bytes_of(count).expect("whole blocks");
    // The up-projections, o_proj with rows of 64, and down_proj of experts with rows of 96.
    let eight = 2 * (2 * 64 * 256) + 2 * (256 * 64) + 5 * (256 * 96);
    assert_eq!(of(Dtype::Q8_0), q8(eight));
    assert_eq!(of(Dtype::Q6K), Dtype::Q6K.bytes_of(256 * 256).expect("whole blocks"), "the head");
    assert_eq!(of(Dtype::BF16), 0, "every other matrix is small");
    let gate = 4 * 256 * 4;
    assert!(of(Dtype::F32) >= gate, "the gate stays as it is");
    assert!(of(Dtype::Q4K) > 0);
    let already = random(v3(), Dtype::Q4K);
    let (small, again) = (requantized(&already, None), requantized(&already, Some(Dtype::Q8_0)));
    assert_eq!(
        small.ledger().formats().find(|f| f.0 == Dtype::Q4K.name()),
        again.ledger().formats().find(|f| f.0 == Dtype::Q4K.name())
    );
}
