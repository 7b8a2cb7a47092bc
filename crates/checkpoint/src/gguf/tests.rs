//! Untrusted files: each defect gives an error that names it, without a panic and without allocating more
//! than the file's length. Also metadata of older converters.
use super::*;
use crate::ModelConfig;

use formats::Dtype;

/// Writes malformed headers.
#[derive(Default)]
struct Forge {
    keys: Vec<u8>,
    key_count: u64,
    tensors: Vec<u8>,
    tensor_count: u64,
}

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
}

impl Forge {
    fn key(mut self, name: &str, kind: u32, value: &[u8]) -> Self {
        self.keys.extend([&text(name)[..], &kind.to_le_bytes(), value].concat());
        self.key_count += 1;
        self
    }

    fn tensor(mut self, name: &str, sizes: &[u64], kind: u32, offset: u64) -> Self {
        let sizes_bytes: Vec<u8> = sizes.iter().flat_map(|size| size.to_le_bytes()).collect();
        let parts = [&text(name)[..], &(sizes.len() as u32).to_le_bytes(), &sizes_bytes, &kind.to_le_bytes()];
        self.tensors.extend([&parts.concat()[..], &offset.to_le_bytes()].concat());
        self.tensor_count += 1;
        self
    }

    fn file(&self, data: usize) -> Vec<u8> {
        let counts = [self.tensor_count.to_le_bytes(), self.key_count.to_le_bytes()].concat();
        let mut file = [b"GGUF", &3u32.to_le_bytes()[..], &counts, &self.keys, &self.tensors].concat();
        file.resize(file.len().next_multiple_of(32) + data, 0);
        file
    }
}

fn expect_error(file: &[u8], expect: &str) {
    let error = Header::parse(file).expect_err(expect).to_string();
    assert!(error.contains(expect), "{expect}: {error}");
}

#[test]
fn hostile_headers_are_refused_with_the_reason() {
    let none = Forge::default;
    expect_error(b"GGML", "begin with GGUF");
    expect_error(b"GGUF\x01\0\0\0", "version 1");
    expect_error(b"GGUF\0\0\0\x03", "big-endian");
    expect_error(b"GGUF\x04\0\0\0", "version 4");
    expect_error(&Forge { tensor_count: u64::MAX, ..none() }.file(0), "claims");
    expect_error(&Forge { key_count: 1 << 40, ..none() }.file(0), "claims");
    expect_error(&none().tensor("a", &[u64::MAX, u64::MAX], 0, 0).file(64), "impossible");
    expect_error(&none().tensor("a", &[1 << 40, 1 << 40], 0, 0).file(64), "impossible");
    expect_error(&none().tensor("a", &[0], 0, 0).file(64), "impossible");
    expect_error(&none().tensor("a", &[255], 12, 0).file(640), "impossible for Q4_K");
    expect_error(&none().tensor("a", &[16], 0, u64::MAX - 31).file(64), "starts at");
    expect_error(&none().tensor("a", &[16], 0, 32).file(64), "ends before");
    expect_error(&none().tensor("a", &[16], 0, 4).file(128), "alignment");
    expect_error(&none().tensor("a", &[16], 34, 0).file(64), "stored as TQ1_0");
    expect_error(&none().tensor("a", &[16], 26, 0).file(64), "stored as I32");
    expect_error(&none().tensor("a", &[16], 99, 0).file(64), "stored as type 99");
    expect_error(&none().tensor("a", &[], 0, 0).file(64), "0 dimensions");
    expect_error(&none().tensor("a", &[1; 5], 0, 0).file(64), "5 dimensions");
    expect_error(&none().tensor("", &[16], 0, 0).file(64), "a name");
    expect_error(&none().tensor("a", &[16], 0, 0).tensor("b", &[16], 0, 32).file(128), "overlap");
    expect_error(&none().tensor("a", &[16], 0, 0).tensor("a", &[16], 0, 64).file(128), "twice");
    expect_error(&none().key("k", 7, &[1]).key("k", 7, &[1]).file(0), "twice");
    expect_error(&none().key("k", 7, &[2]).file(0), "a boolean");
    expect_error(&none().key("k", 13, &[]).file(0), "type 13");
    expect_error(&none().key("k", 8, &(1u64 << 60).to_le_bytes()).file(0), "ends before");
    expect_error(&none().key("k", 8, &[1, 0, 0, 0, 0, 0, 0, 0, 0xFF]).file(0), "UTF-8");
    for (kind, count) in [(4u32, u64::MAX), (8, 1 << 50), (0, 1 << 30), (9, 1 << 40)] {
        let list = [&kind.to_le_bytes()[..], &count.to_le_bytes()].concat();
        expect_error(&none().key("k", 9, &list).file(64), "ends before");
    }
    for alignment in [0u32, 24, 1 << 31] {
        expect_error(
            &none().key("general.alignment", 4, &alignment.to_le_bytes()).file(0),
            "general.alignment",
        );
    }
    expect_error(&none().key("general.alignment", 8, &text("32")).file(0), "general.alignment");
    // Nested lists: each has one element, the next list.
    let deep = [&9u32.to_le_bytes()[..], &1u64.to_le_bytes()].concat().repeat(6);
    expect_error(&none().key("k", 9, &deep).file(64), "deep");
    // Many empty lists: few bytes in the file, much memory when parsed.
    let empty = [&0u32.to_le_bytes()[..], &0u64.to_le_bytes()].concat();
    let many = [&9u32.to_le_bytes()[..], &(5u64 << 20).to_le_bytes(), &empty.repeat(5 << 20)].concat();
    expect_error(&none().key("k", 9, &many).file(0), "elements");
}

#[test]
fn honest_headers_of_both_versions_are_read() {
    let list =
        [&9u32.to_le_bytes()[..], &1u64.to_le_bytes(), &5u32.to_le_bytes(), &2u64.to_le_bytes()].concat();
    let list = [&list[..], &7i32.to_le_bytes(), &(-1i32).to_le_bytes()].concat();
    let forge = Forge::default()
        .key("general.alignment", 4, &64u32.to_le_bytes())
        .key("a.list", 9, &list)
        .key("a.float", 6, &1e-6f32.to_le_bytes())
        .key("a.large", 10, &u64::MAX.to_le_bytes())
        .tensor("a", &[4, 3], 0, 0)
        .tensor("b", &[32], 8, 64);
    let mut file = forge.file(192);
    file[4] = 2;
    let header = Header::parse(&file).expect("it is sound");
    assert_eq!(header.metadata["a.list"], Value::List(List::Lists(vec![List::Integers(vec![7, -1])])));
    assert_eq!(header.metadata["a.float"], Value::Float(1e-6));
    assert_eq!(header.metadata["a.large"], Value::Integer(u64::MAX.into()));
    assert_eq!((header.tensors[0].shape.as_slice(), header.tensors[0].range.len()), (&[3, 4][..], 48));
    assert_eq!((header.tensors[1].range.start % 64, header.tensors[1].dtype), (0, Dtype::Q8_0));
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/gguf/qwen2/f32.gguf");
    let file = std::fs::read(path).expect("the fixture");
    let header = Header::parse(&file).expect("whole, it is sound");
    let end = header.tensors.iter().map(|tensor| tensor.range.end).max().expect("tensors");
    let start = header.tensors.iter().map(|tensor| tensor.range.start).min().expect("tensors");
    // Every byte of the header, and the end of every tensor.
    let ends = header.tensors.iter().map(|tensor| tensor.range.end - 1);
    for cut in (0..=start).chain(ends).chain([end - 1]) {
        assert!(Header::parse(&file[..cut]).is_err(), "cut at {cut}");
    }
    assert!(Header::parse(&file[..end]).is_ok(), "padding at the end may be missing");
}

#[test]
fn the_length_of_a_header_is_known_once_its_end_is_there() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/gguf/qwen2/f32.gguf");
    let file = std::fs::read(path).expect("the fixture");
    let header = Header::parse(&file).expect("it is sound");
    let start = header.tensors.iter().map(|tensor| tensor.range.start).min().expect("tensors");
    let length = |until: usize| Header::length(&file[..until]).expect("it is sound");
    assert!((0..start - 32).all(|until| length(until).is_none()));
    assert_eq!((length(start), length(file.len())), (Some(start as u64), Some(start as u64)));
    assert!(Header::length(b"<!doctype html>").is_err());
    assert!(is_other_type("TQ1_0") && !is_other_type("Q4_K_M"));
}

/// An open file with these metadata and tensors.
fn file(keys: &[(&str, Value)], tensors: &[(&str, &[usize])]) -> Gguf {
    let view = |shape: &[usize]| {
        TensorView::owned(Dtype::F32, shape.to_vec(), vec![0; 4 * shape.iter().product::<usize>()])
    };
    Gguf {
        metadata: keys.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect(),
        tensors: tensors.iter().map(|(name, shape)| ((*name).to_owned(), view(shape))).collect(),
        path: PathBuf::from("made-up.gguf"),
    }
}

fn deepseek2(own: &[(&str, Value)], tensors: &[(&str, &[usize])]) -> serde_json::Value {
    let number = Value::Integer;
    let mut keys = vec![
        ("general.architecture", Value::Text("deepseek2".to_owned())),
        ("deepseek2.block_count", number(61)),
        ("deepseek2.embedding_length", number(7168)),
        ("deepseek2.feed_forward_length", number(18432)),
        ("deepseek2.context_length", number(163_840)),
        ("deepseek2.attention.head_count", number(128)),
        ("deepseek2.attention.head_count_kv", number(128)),
        ("deepseek2.attention.kv_lora_rank", number(512)),
        ("deepseek2.attention.q_lora_rank", number(1536)),
        ("deepseek2.attention.key_length", number(192)),
        ("deepseek2.attention.value_length", number(128)),
        ("deepseek2.rope.dimension_count", number(64)),
        ("deepseek2.expert_used_count", number(8)),
        ("deepseek2.expert_shared_count", number(1)),
        ("deepseek2.expert_feed_forward_length", number(2048)),
        ("deepseek2.leading_dense_block_count", number(3)),
        ("deepseek2.expert_weights_scale", Value::Float(2.5)),
    ];
    keys.extend_from_slice(own);
    let all = [&[("token_embd.weight", &[8, 4][..]), ("output.weight", &[8, 4][..])], tensors].concat();
    config_json(&file(&keys, &all)).expect("a known architecture")
}

#[test]
fn groups_that_old_converters_left_out_are_filled_in() {
    let check = |own: &[(&str, Value)], bias: bool, expect: &str| {
        let tensors: &[(&str, &[usize])] = if bias { &[("blk.3.exp_probs_b.bias", &[4])] } else { &[] };
        let config = deepseek2(own, tensors);
        let actual = ["architectures", "topk_method", "n_group", "topk_group", "norm_topk_prob"]
            .map(|key| config[key].to_string());
        assert_eq!(actual.join(" ").replace('"', ""), expect, "{own:?}");
        ModelConfig::from_json(config).unwrap_or_else(|error| panic!("{expect}: {error}"));
    };
    let experts = |count| ("deepseek2.expert_count", Value::Integer(count));
    let gate = |function| ("deepseek2.expert_gating_func", Value::Integer(function));
    let normalised = ("deepseek2.expert_weights_norm", Value::Bool(true));
    let used = ("deepseek2.expert_used_count", Value::Integer(6));
    check(&[experts(256), gate(2), normalised], true, "[DeepseekV3ForCausalLM] noaux_tc 8 4 true");
    check(&[experts(256)], true, "[DeepseekV3ForCausalLM] noaux_tc 8 4 true");
    check(
        &[experts(160), gate(1), used.clone()],
        false,
        "[DeepseekV2ForCausalLM] group_limited_greedy 8 3 false",
    );
    check(&[experts(160), used.clone()], false, "[DeepseekV2ForCausalLM] group_limited_greedy 8 3 false");
    check(&[experts(64), used], false, "[DeepseekV2ForCausalLM] greedy 1 1 false");
    let written = [
        ("deepseek2.expert_group_count", Value::Integer(16)),
        ("deepseek2.expert_group_used_count", Value::Integer(2)),
    ];
    check(
        &[&[experts(256), gate(2)][..], &written].concat(),
        true,
        "[DeepseekV3ForCausalLM] noaux_tc 16 2 true",
    );
}

#[test]
fn sizes_of_a_head_are_found_under_both_names() {
    let own = [("deepseek2.expert_count", Value::Integer(256))];
    let newer = [
        ("deepseek2.attention.key_length", Value::Integer(576)),
        ("deepseek2.attention.value_length", Value::Integer(512)),
        ("deepseek2.attention.key_length_mla", Value::Integer(192)),
        ("deepseek2.attention.value_length_mla", Value::Integer(128)),
    ];
    for own in [own.to_vec(), [&own[..], &newer].concat()] {
        let config = deepseek2(&own, &[]);
        assert_eq!(
            (&config["qk_nope_head_dim"], &config["v_head_dim"]),
            (&128.into(), &128.into()),
            "{own:?}"
        );
    }
}

#[test]
fn prediction_layers_are_counted_by_their_tensors() {
    let check = |announced: Option<i128>, tensors: &[&str], expect: (u64, u64)| {
        let mut own = vec![("deepseek2.expert_count", Value::Integer(256))];
        own.extend(announced.map(|count| ("deepseek2.nextn_predict_layers", Value::Integer(count))));
        let tensors: Vec<(&str, &[usize])> = tensors.iter().map(|name| (*name, &[4][..])).collect();
        let config = deepseek2(&own, &tensors);
        let actual =
            ["num_hidden_layers", "num_nextn_predict_layers"].map(|key| config[key].as_u64().unwrap_or(99));
        assert_eq!((actual[0], actual[1]), expect, "{announced:?} {tensors:?}");
    };
    let (norm, inside, behind) =
        ("blk.60.attn_norm.weight", "blk.60.nextn.eh_proj.weight", "blk.61.nextn.eh_proj.weight");
    check(None, &[norm], (61, 0));
    check(Some(1), &[norm, inside], (60, 1));
    check(None, &[norm, inside], (60, 1));
    check(Some(1), &[norm, behind], (61, 1));
    // nextn_predict_layers without tensors: included in block_count, or not.
    check(Some(1), &[], (60, 0));
    check(Some(1), &[norm], (61, 0));
}

#[test]
fn what_has_no_published_counterpart_is_refused() {
    let check = |keys: &[(&str, Value)], tensors: &[(&str, &[usize])], expect: &str| {
        let gguf = file(keys, tensors);
        let error = match config_json(&gguf) {
            Err(refusal) => refusal.to_string(),
            Ok(_) => GgufWeights::new(gguf).expect_err(expect).to_string(),
        };
        assert!(error.contains(expect), "{expect}: {error}");
    };
    let name = |name: &str| ("general.architecture", Value::Text(name.to_owned()));
    let embedding: (&str, &[usize]) = ("token_embd.weight", &[8, 4]);
    let heads = ("llama.attention.head_count", Value::Integer(2));
    check(&[], &[], "general.architecture is missing");
    check(&[name("gemma3")], &[embedding], "gemma3");
    check(&[name("llama"), ("llama.expert_count", Value::Integer(8))], &[embedding], "experts");
    check(&[name("llama")], &[], "token_embd");
    check(
        &[name("qwen2"), ("qwen2.rope.scaling.type", Value::Text("longrope".to_owned()))],
        &[embedding],
        "longrope",
    );
    check(&[name("qwen2")], &[embedding, ("blk.0.attn_sinks.weight", &[4])], "attn_sinks");
    check(
        &[name("llama"), heads.clone()],
        &[embedding, ("blk.0.attn_q.weight", &[6, 4])],
        "heads do not divide",
    );
    check(&[name("llama"), heads], &[embedding, ("rope_freqs.weight", &[4])], "Llama 3.1");
    check(&[name("deepseek2")], &[embedding, ("blk.0.attn_k_b.weight", &[2, 4, 4])], "only one of");
    check(&[name("deepseek2")], &[embedding, ("blk.0.ffn_up_exps.weight", &[4, 4])], "stack of experts");
    let both: [(&str, &[usize]); 3] =
        [embedding, ("blk.0.exp_probs_b.bias", &[4]), ("blk.0.exp_probs_b.weight", &[4])];
    check(&[name("deepseek2")], &both, "two of its tensors");
}

#[test]
fn tokenizers_that_contradict_themselves_are_refused() {
    let texts = |count: usize| Value::List(List::Texts(vec!["t".to_owned(); count]));
    let whole = [
        ("tokenizer.ggml.model", Value::Text("gpt2".to_owned())),
        ("tokenizer.ggml.tokens", texts(4)),
        ("tokenizer.ggml.eos_token_id", Value::Integer(3)),
        ("tokenizer.ggml.padding_token_id", Value::Integer(0xFFFF_FFFF)),
    ];
    let read = |keys: &[(&str, Value)]| GgufTokenizer::from_metadata(&file(keys, &[]).metadata);
    let tokenizer = read(&whole).expect("it is sound");
    assert_eq!((tokenizer.eos, tokenizer.pad), (Some(3), None));
    let check = |key: &str, value: Value, expect: &str| {
        let error = read(&[&whole[..], &[(key, value)]].concat()).expect_err(expect);
        assert!(error.contains(expect), "{key}: {error}");
    };
    check("tokenizer.ggml.tokens", Value::Bool(true), "not a list of strings");
    check("tokenizer.ggml.tokens", texts(0), "0 tokens");
    check("tokenizer.ggml.token_type", Value::List(List::Integers(vec![1; 3])), "3 entries for 4");
    check("tokenizer.ggml.token_type", Value::List(List::Integers(vec![1 << 40; 4])), "invalid type");
    check("tokenizer.ggml.bos_token_id", Value::Integer(4), "vocabulary of 4");
    check("tokenizer.ggml.add_bos_token", Value::Integer(1), "neither true nor false");
    assert!(read(&whole[..1]).expect_err("no tokens").contains("tokens is missing"));
}

/// The full R1 in Q4_K with its head in Q6_K: the header is real, and the 400 GB of data are a sparse file.
#[cfg(target_os = "linux")]
#[test]
fn r1_whole_opens_as_a_plan_without_reading_its_weights() {
    const Q4K: u32 = 12;
    const Q6K: u32 = 14;
    const F32: u32 = 0;
    let mut tensors: Vec<(String, Vec<u64>, u32)> = vec![
        ("token_embd.weight".to_owned(), vec![7168, 129_280], Q4K),
        ("output.weight".to_owned(), vec![7168, 129_280], Q6K),
        ("output_norm.weight".to_owned(), vec![7168], F32),
    ];
    for layer in 0..61 {
        let mut add = |part: &str, sizes: &[u64], kind| {
            tensors.push((format!("blk.{layer}.{part}"), sizes.to_vec(), kind));
        };
        for (part, size) in
            [("attn_norm", 7168), ("ffn_norm", 7168), ("attn_q_a_norm", 1536), ("attn_kv_a_norm", 512)]
        {
            add(&format!("{part}.weight"), &[size], F32);
        }
        add("attn_q_a.weight", &[7168, 1536], Q4K);
        add("attn_q_b.weight", &[1536, 24576], Q4K);
        add("attn_kv_a_mqa.weight", &[7168, 576], Q4K);
        add("attn_kv_b.weight", &[512, 32768], Q4K);
        add("attn_output.weight", &[16384, 7168], Q4K);
        if layer < 3 {
            add("ffn_gate.weight", &[7168, 18432], Q4K);
            add("ffn_up.weight", &[7168, 18432], Q4K);
            add("ffn_down.weight", &[18432, 7168], Q4K);
            continue;
        }
        add("ffn_gate_inp.weight", &[7168, 256], F32);
        add("exp_probs_b.bias", &[256], F32);
        for (ending, experts) in [("exps", &[256][..]), ("shexp", &[])] {
            add(&format!("ffn_gate_{ending}.weight"), &[&[7168, 2048], experts].concat(), Q4K);
            add(&format!("ffn_up_{ending}.weight"), &[&[7168, 2048], experts].concat(), Q4K);
            add(&format!("ffn_down_{ending}.weight"), &[&[2048, 7168], experts].concat(), Q4K);
        }
    }
    let number = |value: u32| (4u32, value.to_le_bytes().to_vec());
    let float = |value: f32| (6u32, value.to_le_bytes().to_vec());
    let one_token = [&8u32.to_le_bytes()[..], &1u64.to_le_bytes(), &text("a")].concat();
    let keys = [
        ("general.architecture", (8, text("deepseek2"))),
        ("deepseek2.block_count", number(61)),
        ("deepseek2.embedding_length", number(7168)),
        ("deepseek2.feed_forward_length", number(18432)),
        ("deepseek2.context_length", number(163_840)),
        ("deepseek2.attention.head_count", number(128)),
        ("deepseek2.attention.kv_lora_rank", number(512)),
        ("deepseek2.attention.q_lora_rank", number(1536)),
        ("deepseek2.attention.key_length", number(192)),
        ("deepseek2.attention.value_length", number(128)),
        ("deepseek2.rope.dimension_count", number(64)),
        ("deepseek2.expert_count", number(256)),
        ("deepseek2.expert_used_count", number(8)),
        ("deepseek2.expert_shared_count", number(1)),
        ("deepseek2.expert_feed_forward_length", number(2048)),
        ("deepseek2.leading_dense_block_count", number(3)),
        ("deepseek2.expert_weights_scale", float(2.5)),
        ("tokenizer.ggml.model", (8, text("gpt2"))),
        ("tokenizer.ggml.tokens", (9, one_token)),
    ];
    let mut forge =
        keys.iter().fold(Forge::default(), |forge, (key, (kind, value))| forge.key(key, *kind, value));
    let mut data = 0u64;
    for (name, sizes, kind) in &tensors {
        forge = forge.tensor(name, sizes, *kind, data);
        let count: u64 = sizes.iter().product();
        let bytes = match *kind {
            Q4K => count / 256 * 144,
            Q6K => count / 256 * 210,
            _ => count * 4,
        };
        data += bytes.next_multiple_of(32);
    }
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("r1.gguf");
    let header = forge.file(0);
    std::fs::write(&path, &header).expect("written");
    let file = File::options().write(true).open(&path).expect("open");
    file.set_len(header.len() as u64 + data).expect("a file system with holes");

    let model = crate::open(&path).expect("it is sound");
    assert_eq!(model.config.architecture(), "DeepseekV3ForCausalLM");
    let expected = model.config.tensors();
    let parameters: usize = expected.iter().map(|(_, shape)| shape.iter().product::<usize>()).sum();
    assert_eq!(parameters / 1_000_000_000, 671);
    for (name, shape) in &expected {
        assert_eq!(&model.weights.tensor(name).expect(name).shape, shape, "{name}");
    }
    assert_eq!(model.weights.names().len(), expected.len());
    // All sizes here are multiples of 32, so there is no padding between the tensors.
    assert_eq!(model.weights.total_bytes(), data);
}
