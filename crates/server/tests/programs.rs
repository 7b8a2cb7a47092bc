//! `inspect` and `bench` of the real program, on the Guide and on files that hold no more than a header.
//! Rates are only asserted to be positive: a test must not depend on the speed of the computer.
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn guide() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/guide-model")
}

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_whaledeck-engine")).args(args).output().expect("the program runs")
}

fn json(args: &[&str]) -> Value {
    let output = run(args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("it prints JSON")
}

#[test]
fn the_guide_is_inspected() {
    let guide = guide();
    let path = guide.to_str().expect("a path");
    let report = json(&["inspect", path, "--json"]);
    assert_eq!(report["family"], "DeepseekV3ForCausalLM");
    assert_eq!(report["facts"]["experts"]["n_routed_experts"], 32);
    let bytes: u64 =
        report["tensors"].as_array().expect("a list").iter().filter_map(|t| t["bytes"].as_u64()).sum();
    let plan = &report["memory"][0];
    assert_eq!((plan["weights"].as_u64(), plan["context"].as_u64()), (Some(bytes), Some(2048)));
    // 2048 tokens x 6 layers (one drafts) x (128 + 32) numbers x 2 bytes.
    assert_eq!(plan["cache"], 2048 * 6 * 160 * 2);
    let words = String::from_utf8(run(&["inspect", path]).stdout).expect("text");
    assert!(
        words.contains("DeepseekV3ForCausalLM") && words.contains("Memory for one conversation"),
        "{words}"
    );
}

#[test]
fn a_closed_pipe_ends_it_without_a_word() {
    let guide = guide();
    let path = guide.to_str().expect("a path");
    let program = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_whaledeck-engine"));
        command.args(args);
        command
    };
    // The end to write to of a pipe whose other end is closed, as `| head -1` leaves it.
    let unread = || std::io::pipe().expect("a pipe").1;
    let quick = ["bench", path, "--prompt", "8", "--tokens", "2"];
    for args in [&["inspect", path, "--json"][..], &["inspect", path], &quick] {
        let output = program(args).stdout(unread()).output().expect("the program runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        // As a shell counts a program that SIGPIPE ended.
        assert_eq!((output.status.code(), &*stderr), (Some(141), ""), "{args:?}");
    }
    let refused = program(&["inspect", "/nowhere"]).stderr(unread()).output().expect("the program runs");
    assert_eq!((refused.status.code(), refused.stdout), (Some(141), Vec::new()));
}

#[test]
fn r1_is_inspected_from_its_headers() {
    let dir = tempfile::tempdir().expect("a folder");
    let config = serde_json::json!({
        "architectures": ["DeepseekV3ForCausalLM"], "vocab_size": 129280, "hidden_size": 7168, "intermediate_size": 18432,
        "moe_intermediate_size": 2048, "num_hidden_layers": 61, "num_nextn_predict_layers": 1, "num_attention_heads": 128,
        "n_shared_experts": 1, "n_routed_experts": 256, "routed_scaling_factor": 2.5, "kv_lora_rank": 512,
        "q_lora_rank": 1536, "qk_rope_head_dim": 64, "v_head_dim": 128, "qk_nope_head_dim": 128, "n_group": 8,
        "topk_group": 4, "num_experts_per_tok": 8, "first_k_dense_replace": 3, "norm_topk_prob": true,
        "scoring_func": "sigmoid", "topk_method": "noaux_tc", "max_position_embeddings": 163840, "rope_theta": 10000,
        "rms_norm_eps": 1e-6, "rope_scaling": {"type": "yarn", "factor": 40, "original_max_position_embeddings": 4096,
        "beta_fast": 32, "beta_slow": 1, "mscale": 1.0, "mscale_all_dim": 1.0},
    });
    std::fs::write(dir.path().join("config.json"), config.to_string()).expect("written");
    let parsed = checkpoint::ModelConfig::from_json(config).expect("a configuration");
    // Names, shapes and offsets; the bytes themselves are a hole in the file.
    let (mut header, mut end) = (serde_json::Map::new(), 0u64);
    for (name, shape) in parsed.tensors() {
        let bytes = 2 * shape.iter().map(|size| *size as u64).product::<u64>();
        header.insert(
            name,
            serde_json::json!({"dtype": "BF16", "shape": shape, "data_offsets": [end, end + bytes]}),
        );
        end += bytes;
    }
    let mut header = Value::Object(header).to_string();
    while !header.len().is_multiple_of(8) {
        header.push(' ');
    }
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.bytes());
    let path = dir.path().join("model.safetensors");
    std::fs::write(&path, &file).expect("written");
    let file_end = file.len() as u64 + end;
    std::fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .and_then(|file| file.set_len(file_end))
        .expect("a hole");

    let report = json(&["inspect", dir.path().to_str().expect("a path"), "--json"]);
    // The published 671.0 billion, and 11.6 of the layer that drafts without the copies it shares.
    let parameters = report["facts"]["parameters"].as_u64().expect("a number");
    assert_eq!(parameters, 682_636_487_424);
    assert_eq!(report["memory"][0]["weights"], 2 * parameters);
    assert_eq!(report["facts"]["cache_bytes_per_token"]["fp8"], 656 * 62);
    assert_eq!(report["facts"]["cache_bytes_per_token"]["bf16"], 1152 * 62);
}

#[test]
fn rates_are_measured_for_a_file_and_for_a_shape() {
    let (guide, config) = (guide(), guide().join("config.json"));
    let (guide, config) = (guide.to_str().expect("a path"), config.to_str().expect("a path"));
    for args in [
        vec!["bench", guide, "--prompt", "40", "--tokens", "4"],
        vec![
            "bench",
            "--random",
            config,
            "--dtype",
            "q8_0",
            "--cache-dtype",
            "fp8",
            "--prompt",
            "40",
            "--tokens",
            "4",
        ],
    ] {
        let report = json(&args);
        for part in ["prefill", "decode"] {
            assert!(report[part]["tokens_per_second"].as_f64().is_some_and(|rate| rate > 0.0), "{report}");
        }
        let sampling = &report["sampling"];
        assert_eq!((sampling["temperature"].as_f64(), sampling["top_p"].as_f64()), (Some(0.6), Some(0.95)));
        assert!(sampling["seconds"].as_f64() <= report["decode"]["seconds"].as_f64(), "{report}");
    }
    let refused = run(&["bench", "/nowhere"]);
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).starts_with("failed to "));
}

#[test]
fn the_cost_of_the_fp8_cache_is_measured_on_the_guides_own_words() {
    let (dir, guide) = (tempfile::tempdir().expect("a folder"), guide());
    let (text, guide) = (dir.path().join("own.txt"), guide.to_str().expect("a path"));
    let chat = "<｜begin▁of▁sentence｜><｜User｜>What can I do with Whaledeck?<｜Assistant｜>Whaledeck runs DeepSeek models on \
                your own computer: it checks your hardware, recommends a model, downloads it and lets you chat with it.\
                <｜end▁of▁sentence｜><｜User｜>How do I pause a download?<｜Assistant｜>Open Models and press Pause on the \
                download. What has arrived is kept.<｜end▁of▁sentence｜><｜User｜>What does MLA mean?<｜Assistant｜>MLA, \
                multi-head latent attention, stores one small latent vector per token instead of all keys and values, \
                so long chats need far less memory.<｜end▁of▁sentence｜>";
    std::fs::write(&text, chat).expect("room");
    let args = ["cache-quality", guide, "--text", text.to_str().expect("a path"), "--prompt", "80"];
    let report = json(&args);
    let lengths = report["lengths"].as_array().expect("a list");
    assert_eq!(lengths.last().expect("the whole")["tokens"], 80);
    let figure = |name: &str| lengths[0][name].as_f64().expect("a number");
    // Nothing at all would mean that a cache was compared with itself.
    assert!(figure("mean_kl") > 0.0 && figure("mean_kl") < 1e-2, "{report}");
    assert!(figure("same_first_token") > 0.9, "{report}");
    assert!(report["cache_bytes"]["fp8"].as_u64() < report["cache_bytes"]["bf16"].as_u64(), "{report}");
}
