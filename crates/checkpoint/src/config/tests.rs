//! Published configurations are read in every spelling; unsupported ones are rejected with the name of the
//! field.
use serde_json::{Value, json};

use super::*;

fn r1() -> Value {
    json!({"architectures": ["DeepseekV3ForCausalLM"], "vocab_size": 129280, "hidden_size": 7168,
        "intermediate_size": 18432, "moe_intermediate_size": 2048, "num_hidden_layers": 61, "num_nextn_predict_layers": 1,
        "num_attention_heads": 128, "n_shared_experts": 1, "n_routed_experts": 256, "routed_scaling_factor": 2.5,
        "kv_lora_rank": 512, "q_lora_rank": 1536, "qk_rope_head_dim": 64, "v_head_dim": 128, "qk_nope_head_dim": 128,
        "n_group": 8, "topk_group": 4, "num_experts_per_tok": 8, "first_k_dense_replace": 3, "norm_topk_prob": true,
        "scoring_func": "sigmoid", "topk_method": "noaux_tc", "max_position_embeddings": 163840,
        "rope_scaling": {"type": "yarn", "factor": 40, "original_max_position_embeddings": 4096, "beta_fast": 32,
            "beta_slow": 1, "mscale": 1.0, "mscale_all_dim": 1.0},
        "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]}})
}

fn v2_lite() -> Value {
    json!({"architectures": ["DeepseekV2ForCausalLM"], "vocab_size": 102400, "hidden_size": 2048,
        "intermediate_size": 10944, "moe_intermediate_size": 1408, "num_hidden_layers": 27, "num_attention_heads": 16,
        "n_shared_experts": 2, "n_routed_experts": 64, "routed_scaling_factor": 1.0, "kv_lora_rank": 512,
        "q_lora_rank": null, "qk_rope_head_dim": 64, "v_head_dim": 128, "qk_nope_head_dim": 128, "n_group": 1,
        "topk_group": 1, "num_experts_per_tok": 6, "first_k_dense_replace": 1, "norm_topk_prob": false,
        "scoring_func": "softmax", "topk_method": "greedy", "max_position_embeddings": 163840,
        "rope_scaling": {"type": "yarn", "factor": 40, "original_max_position_embeddings": 4096, "beta_fast": 32,
            "beta_slow": 1, "mscale": 0.707, "mscale_all_dim": 0.707}})
}

fn moe_16b() -> Value {
    json!({"architectures": ["DeepseekForCausalLM"], "vocab_size": 102400, "hidden_size": 2048,
        "intermediate_size": 10944, "moe_intermediate_size": 1408, "num_hidden_layers": 28, "num_attention_heads": 16,
        "num_key_value_heads": 16, "n_shared_experts": 2, "n_routed_experts": 64, "num_experts_per_tok": 6,
        "first_k_dense_replace": 1, "norm_topk_prob": false, "scoring_func": "softmax", "max_position_embeddings": 4096,
        "rope_scaling": null, "rope_theta": 10000, "moe_layer_freq": 1})
}

fn qwen2() -> Value {
    json!({"architectures": ["Qwen2ForCausalLM"], "vocab_size": 151936, "hidden_size": 1536, "intermediate_size": 8960,
        "num_hidden_layers": 28, "num_attention_heads": 12, "num_key_value_heads": 2, "max_position_embeddings": 131072,
        "max_window_layers": 21, "sliding_window": 4096, "use_sliding_window": false, "rope_theta": 10000,
        "tie_word_embeddings": false})
}

fn qwen3() -> Value {
    json!({"architectures": ["Qwen3ForCausalLM"], "vocab_size": 151936, "hidden_size": 4096, "intermediate_size": 12288,
        "num_hidden_layers": 36, "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128,
        "max_position_embeddings": 131072, "rope_theta": 1000000, "attention_bias": false,
        "rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768,
            "attn_factor": 0.8782488562869419}})
}

fn llama() -> Value {
    json!({"architectures": ["LlamaForCausalLM"], "vocab_size": 128256, "hidden_size": 4096, "intermediate_size": 14336,
        "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "max_position_embeddings": 131072,
        "rope_theta": 500000.0, "mlp_bias": false,
        "rope_scaling": {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192, "rope_type": "llama3"}})
}

fn vl2_tiny() -> Value {
    json!({"model_type": "deepseek_vl_v2", "tile_tag": "2D", "global_view_pos": "head",
        "candidate_resolutions": [[384, 384], [384, 768], [768, 384]],
        "vision_config": {"model_name": "siglip_so400m_patch14_384", "layers": 27, "mlp_ratio": 3.7362, "patch_size": 14,
            "width": 1152},
        "projector_config": {"n_embed": 1280},
        "language_config": {"vocab_size": 129280, "hidden_size": 1280, "intermediate_size": 6848,
            "moe_intermediate_size": 896, "num_hidden_layers": 12, "num_attention_heads": 10, "num_key_value_heads": 10,
            "use_mla": false, "kv_lora_rank": null, "q_lora_rank": null, "n_shared_experts": 2, "n_routed_experts": 64,
            "num_experts_per_tok": 6, "first_k_dense_replace": 1, "max_position_embeddings": 4096}})
}

fn read(value: Value) -> ModelConfig {
    ModelConfig::from_json(value).expect("it is supported")
}

fn numbers(value: Value) -> usize {
    read(value).tensors().iter().map(|(_, shape)| shape.iter().product::<usize>()).sum()
}

#[test]
fn parameters_add_up_to_the_published_sizes() {
    assert_eq!(numbers(v2_lite()), 15_706_484_224);
    assert_eq!(numbers(moe_16b()), 16_375_728_128);
    assert_eq!(numbers(qwen2()), 1_777_088_000);
    assert_eq!(numbers(qwen3()), 8_190_735_360);
    assert_eq!(numbers(llama()), 8_030_261_248);
    // Published as 3.37 B, including an unused pooling head of 15 M.
    assert_eq!((numbers(vl2_tiny()) + 15_240_000) / 10_000_000, 337);
    // 671 B and an MTP layer of 11.6 B without shared tensors.
    let mut plain = r1();
    plain["num_nextn_predict_layers"] = json!(0);
    assert_eq!(numbers(plain.clone()) / 1_000_000_000, 671);
    assert_eq!((numbers(r1()) - numbers(plain)) / 10_000_000, 1161);
}

#[test]
fn every_tensor_is_named_once() {
    for value in [r1(), v2_lite(), moe_16b(), qwen2(), qwen3(), llama(), vl2_tiny()] {
        let mut names: Vec<String> = read(value).tensors().into_iter().map(|(name, _)| name).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}

#[test]
fn every_published_spelling_of_yarn_means_the_same() {
    let published = read(r1()).decoder().rope;
    let parts = r1()["rope_scaling"].clone();
    let check = |change: &dyn Fn(&mut Value)| {
        let mut value = r1();
        change(&mut value);
        assert_eq!(read(value.clone()).decoder().rope, published, "{value}");
    };
    check(&|value| value["rope_scaling"]["rope_type"] = json!("yarn"));
    check(&|value| value["rope_scaling"]["factor"] = json!(40.0));
    check(&|value| {
        value["rope_scaling"] = Value::Null;
        value["rope_parameters"] = parts.clone();
        value["rope_parameters"]["rope_theta"] = json!(10000.0);
    });
}

#[test]
fn temperatures_are_those_of_the_releases() {
    let yarn = |value: Value| match read(value).decoder().rope.scaling {
        RopeScaling::Yarn(yarn) => yarn,
        other => panic!("{other:?}"),
    };
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-4, "{a} {b}");
    close(yarn(v2_lite()).softmax_scale(), 1.5897);
    close(yarn(r1()).softmax_scale(), 1.8739);
    close(yarn(r1()).angle_scale(), 1.0);
    close(yarn(qwen3()).angle_scale(), 1.0);
    let mut usual = qwen3();
    usual["rope_scaling"].as_object_mut().expect("an object").remove("attn_factor");
    close(yarn(usual).angle_scale(), 1.13863);
}

#[test]
fn what_cannot_run_is_refused_by_the_name_of_its_field() {
    let check = |mut value: Value, key: &str, to: Value, expect: &str| {
        value[key] = to.clone();
        let error = ModelConfig::from_json(value).expect_err(key).to_string();
        assert!(error.contains(expect), "{key} {to}: {error}");
    };
    check(r1(), "scoring_func", json!("tanh"), "scoring_func");
    check(r1(), "topk_method", json!("random"), "topk_method");
    check(r1(), "architectures", json!(["DeepseekV4ForCausalLM"]), "architectures");
    check(r1(), "rope_scaling", json!({"type": "dynamic", "factor": 2}), "rope_scaling");
    check(r1(), "n_group", json!(7), "groups");
    check(r1(), "num_experts_per_tok", json!(200), "experts");
    check(r1(), "hidden_size", json!(0), "hidden_size");
    check(r1(), "hidden_size", json!(-1), "hidden_size");
    check(r1(), "hidden_size", json!("wide"), "hidden_size");
    check(r1(), "kv_lora_rank", Value::Null, "kv_lora_rank");
    check(r1(), "num_hidden_layers", json!(1_000_000), "num_hidden_layers");
    check(r1(), "n_routed_experts", json!(1 << 20), "n_routed_experts");
    check(r1(), "max_position_embeddings", json!(16_000_000), "max_position_embeddings");
    check(r1(), "qk_rope_head_dim", json!(63), "qk_rope_head_dim");
    check(r1(), "rope_interleave", json!(false), "rope_interleave");
    check(r1(), "hidden_act", json!("gelu"), "hidden_act");
    check(r1(), "num_nextn_predict_layers", json!(2), "num_nextn_predict_layers");
    check(
        r1(),
        "quantization_config",
        json!({"quant_method": "fp8", "weight_block_size": [64, 64]}),
        "quantization",
    );
    check(r1(), "quantization_config", json!({"quant_method": "awq"}), "quantization_config");
    check(r1(), "rms_norm_eps", json!(-1.0), "rms_norm_eps");
    let mut scaled = v2_lite();
    scaled["routed_scaling_factor"] = json!(16.0);
    check(scaled, "norm_topk_prob", json!(true), "norm_topk_prob");
    check(moe_16b(), "scoring_func", json!("sigmoid"), "scoring_func");
    check(qwen2(), "use_sliding_window", json!(true), "use_sliding_window");
    check(qwen2(), "num_key_value_heads", json!(5), "num_key_value_heads");
    check(qwen3(), "layer_types", json!(["full_attention", "sliding_attention"]), "layer_types");
    check(qwen3(), "rope_scaling", json!({"rope_type": "yarn"}), "factor");
    check(llama(), "mlp_bias", json!(true), "mlp_bias");
    check(llama(), "rope_scaling", json!({"rope_type": "longrope"}), "rope_scaling");
    check(llama(), "rope_theta", json!(1e300), "rope_theta");
    check(vl2_tiny(), "tile_tag", json!("1D"), "tile_tag");
    check(vl2_tiny(), "tile_tag", Value::Null, "tile_tag");
    check(vl2_tiny(), "candidate_resolutions", json!([[384, 400]]), "candidate_resolutions");
    check(vl2_tiny(), "candidate_resolutions", json!([]), "candidate_resolutions");
    check(vl2_tiny(), "candidate_resolutions", json!([[384, 384], [38400, 38400]]), "candidate_resolutions");
    check(vl2_tiny(), "projector_config", json!({"projector_type": "linear"}), "projector_type");
    check(vl2_tiny(), "projector_config", json!({"n_embed": 1280, "token_pooling": true}), "token_pooling");
    check(vl2_tiny(), "projector_config", json!({"n_embed": 64}), "projector");
    check(vl2_tiny(), "vision_config", json!({"class_token": true}), "class_token");
    check(vl2_tiny(), "vision_config", json!({"ignore_head": false}), "ignore_head");
    check(vl2_tiny(), "vision_config", json!({"global_pool": "avg"}), "global_pool");
    check(vl2_tiny(), "vision_config", json!({"width": 1152, "heads": 7}), "heads");
    check(vl2_tiny(), "vision_config", json!({"width": 1152, "patch_size": 999}), "patch_size");
    check(vl2_tiny(), "processor_config", json!({"sft_format": "plain"}), "sft_format");
    check(vl2_tiny(), "processor_config", json!({"patch_size": 16}), "patch_size");
    check(vl2_tiny(), "processor_config", json!({"image_std": [0.0, 0.5, 0.5]}), "image_std");
    assert!(ModelConfig::from_json(json!([])).is_err());
}

#[test]
fn vl2_takes_the_defaults_of_the_published_classes() {
    let plain = json!({"architectures": ["DeepseekVLV2ForCausalLM"], "tile_tag": "2D",
        "projector_config": {"input_dim": 1024, "n_embed": 4096, "downsample_ratio": 2}});
    let ModelConfig::DeepseekVl2(config) = read(plain) else { panic!("another family") };
    assert_eq!((config.vision.layers, config.vision.width, config.vision.patch_size), (24, 1024, 16));
    assert_eq!((config.vision.inner, config.vision.grid()), (4096, 24));
    assert_eq!((config.decoder.num_hidden_layers, config.decoder.max_position_embeddings), (30, 2048));
    assert!(matches!(config.attention, Vl2Attention::Latent(sizes) if sizes.q_lora_rank == Some(1536)));
    assert!(config.experts.is_none() && config.global_view_first);
    assert_eq!(config.images.candidate_resolutions, [(384, 384)]);

    let ModelConfig::DeepseekVl2(tiny) = read(vl2_tiny()) else { panic!("another family") };
    assert!(matches!(tiny.attention, Vl2Attention::Grouped(sizes) if sizes.head_dim == 128));
    assert_eq!((tiny.vision.inner, tiny.vision.grid()), (4304, 27));
    assert_eq!(tiny.images.image_mean, [0.5; 3]);
}
