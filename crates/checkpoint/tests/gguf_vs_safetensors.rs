//! Compares every family as GGUF with its safetensors counterpart: configuration, names, shapes, values.
//! tests/fixtures/gguf/make.py generates both.
use std::path::PathBuf;

use checkpoint::{Checkpoint, Dtype, ModelConfig, TokenizerSource, open};

fn fixture(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/gguf").join(path)
}

fn open_fixture(path: &str) -> Checkpoint {
    open(&fixture(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// `tolerance` is relative to the largest value of a tensor; 0 requires equal bits.
fn check_equal(family: &str, file: &str, tolerance: f32) {
    let published = open_fixture(family);
    let gguf = open_fixture(&format!("{family}/{file}"));
    assert_eq!(format!("{:?}", gguf.config), format!("{:?}", published.config), "{family}/{file}");
    for (name, shape) in published.config.tensors() {
        let context = format!("{family}/{file}: {name}");
        let expect = published.weights.tensor(&name).unwrap_or_else(|error| panic!("{context}: {error}"));
        let actual = gguf.weights.tensor(&name).unwrap_or_else(|error| panic!("{context}: {error}"));
        assert_eq!(actual.shape, shape, "{context}");
        assert_eq!(gguf.weights.layout(&name).expect("it was there"), (actual.dtype, shape), "{context}");
        let (expect, actual) = (expect.to_f32(), actual.to_f32());
        let largest = expect.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
        for (at, (actual, expect)) in actual.iter().zip(&expect).enumerate() {
            let near = (actual - expect).abs() <= tolerance * largest;
            assert!(near || actual.to_bits() == expect.to_bits(), "{context}, {at}: {actual} and {expect}");
        }
    }
    let wanted: Vec<String> = published.config.tensors().into_iter().map(|(name, _)| name).collect();
    let extra: Vec<String> = gguf.weights.names().into_iter().filter(|name| !wanted.contains(name)).collect();
    assert!(extra.is_empty(), "{family}/{file} has {extra:?}");
    let handed_out =
        wanted.iter().map(|name| gguf.weights.tensor(name).expect("checked").bytes().len() as u64);
    assert_eq!(handed_out.sum::<u64>(), gguf.weights.total_bytes(), "{family}/{file}");
}

#[test]
fn every_gguf_family_equals_safetensors_bit_for_bit() {
    for family in ["deepseek_v3", "deepseek", "qwen2", "qwen3", "llama"] {
        check_equal(family, "f32.gguf", 0.0);
    }
}

#[test]
fn every_layout_of_kv_b_and_every_shard_equals_safetensors() {
    for file in ["whole.gguf", "both.gguf", "folded.gguf"] {
        check_equal("deepseek_v2", file, 0.0);
    }
    check_equal("deepseek_v2", "shards-00001-of-00002.gguf", 0.0);
    check_equal("deepseek_v2", "shards-00002-of-00002.gguf", 0.0);
}

#[test]
fn quantised_tensors_stay_quantised() {
    // The error of Q8_0 is 1/254 of the block maximum; rounding the scale to f16 adds a little.
    check_equal("deepseek_v2", "q8_0.gguf", 0.005);
    let model = open_fixture("deepseek_v2/q8_0.gguf");
    let check =
        |name: &str, expect| assert_eq!(model.weights.tensor(name).expect(name).dtype, expect, "{name}");
    check("model.layers.0.self_attn.q_proj.weight", Dtype::Q8_0);
    check("model.layers.1.mlp.experts.3.down_proj.weight", Dtype::Q8_0);
    check("model.layers.1.mlp.gate.weight", Dtype::F32);
    // Key rows have 16 elements, less than a block, so the file stores them as f32.
    check("model.layers.1.self_attn.kv_b_proj.weight", Dtype::F32);
}

#[test]
fn the_tokenizer_comes_with_the_file() {
    let TokenizerSource::Gguf(tokenizer) = open_fixture("deepseek_v2/whole.gguf").tokenizer else { panic!() };
    assert_eq!((tokenizer.model.as_str(), tokenizer.pre.as_str()), ("gpt2", "deepseek-llm"));
    assert_eq!((tokenizer.tokens.len(), tokenizer.tokens[0].as_str()), (40, "<｜begin▁of▁sentence｜>"));
    assert_eq!((tokenizer.bos, tokenizer.eos, tokenizer.pad), (Some(0), Some(1), None));
    assert_eq!((tokenizer.token_types[0], tokenizer.add_bos), (3, Some(true)));
    assert!(tokenizer.chat_template.expect("a template").contains("messages"));
    assert!(matches!(open_fixture("qwen2").tokenizer, TokenizerSource::Folder(_)));
}

#[test]
fn a_folder_is_opened_by_what_it_holds() {
    let check = |files: &[&str], expect: Result<(), &str>| {
        let dir = tempfile::tempdir().expect("a folder");
        for file in files {
            let bytes =
                std::fs::read(fixture("deepseek_v2").join(file.replace("mmproj-", ""))).expect("read");
            let vision =
                |bytes: &[u8]| testkit::TestGguf::read(bytes).with_text("general.architecture", "clip");
            let bytes = if file.starts_with("mmproj-") { vision(&bytes).write() } else { bytes };
            std::fs::write(dir.path().join(file), bytes).expect("written");
        }
        match (open(dir.path()), expect) {
            (Ok(model), Ok(())) => assert!(matches!(model.config, ModelConfig::DeepseekV2(_)), "{files:?}"),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{files:?}: {error}"),
            (result, _) => panic!("{files:?}: {:?}", result.err()),
        }
    };
    check(&["whole.gguf"], Ok(()));
    check(&["shards-00001-of-00002.gguf", "shards-00002-of-00002.gguf"], Ok(()));
    check(&["whole.gguf", "mmproj-whole.gguf"], Ok(()));
    check(&["whole.gguf", "both.gguf"], Err("there are both.gguf, whole.gguf"));
    check(&["shards-00001-of-00002.gguf"], Err("part 2 of 2"));
    check(&[], Err("no .gguf"));
}

#[test]
fn shards_that_do_not_belong_together_are_refused() {
    let check = |first: &str, second: &str, expect: &str| {
        let dir = tempfile::tempdir().expect("a folder");
        let target = |number| dir.path().join(format!("m-0000{number}-of-00002.gguf"));
        std::fs::copy(fixture("deepseek_v2").join(first), target(1)).expect("copied");
        std::fs::copy(fixture("deepseek_v2").join(second), target(2)).expect("copied");
        let error = open(&target(1)).err().unwrap_or_else(|| panic!("{first} {second}")).to_string();
        assert!(error.contains(expect), "{first} {second}: {error}");
    };
    check("shards-00001-of-00002.gguf", "shards-00001-of-00002.gguf", "split.no 0");
    check("whole.gguf", "shards-00002-of-00002.gguf", "split.no nothing");
    let alone = tempfile::tempdir().expect("a folder");
    let path = alone.path().join("renamed.gguf");
    std::fs::copy(fixture("deepseek_v2/shards-00001-of-00002.gguf"), &path).expect("copied");
    let error = open(&path).err().expect("one of two").to_string();
    assert!(error.contains("part 2 of 2"), "{error}");
}
