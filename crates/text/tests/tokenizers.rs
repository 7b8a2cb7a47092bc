//! Compares with the `tokenizers` Python package on 10,000 random strings for each pre-tokenizer, from
//! `tokenizer.json` and from GGUF metadata. Golden hashes come from tests/fixtures/text/make_tokenizers.py.
mod published;

use std::path::{Path, PathBuf};

use checkpoint::{GgufTokenizer, TokenizerSource};
use serde_json::Value;
use sha2::{Digest, Sha256};
use text::{Detokenizer, Tokenizer};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("read")).expect("it is JSON")
}

/// Opens the file as the `tokenizer.json` of a model folder.
fn folder(file: &Path) -> Tokenizer {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::copy(file, dir.path().join("tokenizer.json")).expect("copied");
    Tokenizer::open(&TokenizerSource::Folder(dir.path().to_owned())).expect("opened")
}

/// Byte-level BPE without tokens.
fn plain(pre: &str) -> GgufTokenizer {
    GgufTokenizer { model: "gpt2".into(), pre: pre.into(), ..GgufTokenizer::default() }
}

/// The metadata that a GGUF converter writes for a `tokenizer.json`.
fn gguf(file: &Path, pre: &str) -> Tokenizer {
    let value = json(file);
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let id = |value: &Value| value.as_u64().expect("an id");
    let vocab = value["model"]["vocab"].as_object().expect("a vocabulary");
    let mut tokens: Vec<(u64, String)> = vocab.iter().map(|(token, at)| (id(at), token.clone())).collect();
    let added = value["added_tokens"].as_array().expect("a list");
    tokens.extend(added.iter().map(|token| (id(&token["id"]), text(&token["content"]))));
    tokens.sort();
    tokens.dedup();
    let mut types = vec![1; tokens.len()];
    for token in added {
        types[id(&token["id"]) as usize] = if token["special"] == true { 3 } else { 4 };
    }
    let merges = value["model"]["merges"].as_array().expect("a list");
    let merges: Vec<String> =
        merges.iter().map(|pair| format!("{} {}", text(&pair[0]), text(&pair[1]))).collect();
    let tokens: Vec<String> = tokens.into_iter().map(|(_, token)| token).collect();
    let gguf = GgufTokenizer {
        tokens,
        token_types: types,
        merges,
        bos: Some(0),
        eos: Some(1),
        add_bos: Some(true),
        ..plain(pre)
    };
    let built = Tokenizer::open(&TokenizerSource::Gguf(Box::new(gguf))).expect("built");
    assert_eq!((built.bos_token(), built.eos_tokens()), (Some(0), &[1][..]));
    built
}

#[rustfmt::skip]
const RANGES: [(u32, u32); 20] = [
    (0x20, 0x7E), (0x61, 0x7A), (0x30, 0x39), (0x09, 0x0D), (0xA0, 0xFF), (0x4E00, 0x9FA5), (0x3000, 0x30FF),
    (0xAC00, 0xD7A3), (0x400, 0x4FF), (0x370, 0x3FF), (0x1F00, 0x1FFE), (0x2000, 0x206F), (0x2100, 0x214F),
    (0x300, 0x36F), (0x590, 0x6FF), (0xFF01, 0xFF5E), (0x1F300, 0x1F64F), (0x10400, 0x1044F), (0x1D400, 0x1D7FF),
    (0x900, 0x97F),
];
#[rustfmt::skip]
const WORDS: [&str; 19] = [
    "don't", "'LL", "  ", "\r\n", "\n\n", "deepseek", "模型", "1234567", "…", "—", " the",
    "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>",
    "<think>", "</think>", "<｜tool▁calls▁begin｜>", "<｜fim▁hole｜>",
];

/// The same strings as the script generates.
fn strings() -> Vec<String> {
    let mut state = 7u64;
    let mut below = |limit: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((state >> 33) % limit as u64) as usize
    };
    let mut one = || {
        let mut text = String::new();
        for _ in 0..=below(24) {
            if below(6) == 0 {
                text += WORDS[below(WORDS.len())];
            } else {
                let (low, high) = RANGES[below(RANGES.len())];
                text.extend(char::from_u32(low + below((high - low + 1) as usize) as u32));
            }
        }
        text
    };
    (0..10_000).map(|_| one()).collect()
}

fn hash(tokenizer: &Tokenizer, strings: &[String]) -> String {
    let mut digest = Sha256::new();
    for text in strings {
        let ids = tokenizer.encode(text).expect("encoded");
        ids.iter().for_each(|id| digest.update(id.to_le_bytes()));
        digest.update([0xFF; 4]);
        digest.update(tokenizer.decode(&ids));
        digest.update([0]);
    }
    hex::encode(&digest.finalize()[..4])
}

fn check(name: &str, tokenizer: &Tokenizer, strings: &[String]) {
    let golden = json(&root().join("tests/fixtures/text/tokenizers.golden.json"));
    check_hashes(name, tokenizer, strings, &golden[name]);
}

fn check_hashes(name: &str, tokenizer: &Tokenizer, strings: &[String], hashes: &Value) {
    let expect = hashes.as_array().expect("hashes");
    assert_eq!(expect.len(), strings.len() / 100);
    for (block, (texts, expect)) in strings.chunks(100).zip(expect).enumerate() {
        assert_eq!(&hash(tokenizer, texts), expect, "{name}, strings {block}00 and on");
    }
}

/// Text without special tokens round-trips, and streaming gives the same text as decoding at once.
fn check_round_trip(tokenizer: &Tokenizer, strings: &[String]) {
    for text in strings {
        let ids = tokenizer.encode(text).expect("encoded");
        let mut detokenizer = Detokenizer::default();
        let push = |&id: &u32| detokenizer.push(tokenizer, id);
        let streamed = ids.iter().map(push).collect::<String>() + &detokenizer.flush();
        assert_eq!(streamed, tokenizer.decode(&ids));
        if !ids.iter().any(|&id| tokenizer.is_special(id)) {
            assert_eq!(&streamed, text);
        }
    }
}

#[test]
fn every_pre_tokenizer_gives_pythons_tokens_from_both_kinds_of_file() {
    let strings = strings();
    for name in [
        "deepseek-llm",
        "deepseek-coder",
        "deepseek-v3",
        "deepseek-r1-qwen",
        "qwen2",
        "llama-bpe",
        "tekken",
        "smollm",
        "gpt-2",
    ] {
        let file = root().join(format!("tests/fixtures/text/tokenizers/{name}.json"));
        let (from_folder, from_gguf) = (folder(&file), gguf(&file, name));
        check(name, &from_folder, &strings);
        check(name, &from_gguf, &strings);
        // Qwen2 normalizes to NFC, so not every text round-trips.
        if !name.contains("qwen") {
            check_round_trip(&from_gguf, &strings);
        }
    }
}

#[test]
fn the_guides_tokenizer_gives_pythons_tokens() {
    let tokenizer =
        Tokenizer::open(&TokenizerSource::Folder(root().join("assets/guide-model"))).expect("opened");
    let strings = strings();
    check("guide", &tokenizer, &strings);
    check_round_trip(&tokenizer, &strings);
}

/// V3's embedding has 465 more rows than its tokenizer has tokens, and any of them can be sampled.
#[test]
fn an_id_without_an_entry_adds_no_text() {
    let tokenizer =
        Tokenizer::open(&TokenizerSource::Folder(root().join("assets/guide-model"))).expect("opened");
    let beyond = [tokenizer.size() as u32, tokenizer.size() as u32 + 464, u32::MAX];
    let whale = tokenizer.encode("🐋鲸").expect("encoded");
    assert!(whale.len() > 2, "{whale:?}");
    // Even between the bytes of one character.
    let ids: Vec<u32> = whale.iter().flat_map(|&id| [id, beyond[0], beyond[1], beyond[2]]).collect();
    assert_eq!(tokenizer.decode(&ids), "🐋鲸");
    let mut detokenizer = Detokenizer::default();
    let streamed: String = ids.iter().map(|&id| detokenizer.push(&tokenizer, id)).collect();
    assert_eq!(streamed + &detokenizer.flush(), "🐋鲸");
    assert!(beyond.iter().all(|&id| tokenizer.bytes(id).is_empty() && !tokenizer.is_special(id)));
}

#[test]
fn hostile_vocabularies_are_refused_with_the_reason() {
    let plain = GgufTokenizer {
        tokens: ["a", "b", "ab", "<s>"].map(String::from).to_vec(),
        token_types: vec![1, 1, 1, 3],
        merges: vec!["a b".to_owned()],
        ..plain("deepseek-v3")
    };
    let open = |gguf: GgufTokenizer| Tokenizer::open(&TokenizerSource::Gguf(Box::new(gguf)));
    assert_eq!(open(plain.clone()).expect("built").encode("ab<s>b").expect("encoded"), [2, 3, 1]);
    let refused = |change: fn(&mut GgufTokenizer), reason: &str| {
        let mut changed = plain.clone();
        change(&mut changed);
        let error = open(changed).err().expect("refused").to_string();
        assert!(error.contains(reason), "{error}");
    };
    refused(|gguf| gguf.model = "llama".into(), "tokenizer.ggml.model");
    refused(|gguf| gguf.pre = "gpt-5".into(), "tokenizer.ggml.pre");
    refused(|gguf| gguf.tokens[1] = "a".into(), "there twice");
    refused(|gguf| gguf.merges = vec!["a c".into()], "no token");
    refused(|gguf| gguf.merges = vec!["ab".into()], "no space");
}

#[test]
fn a_published_file_gives_pythons_tokens() {
    let Some((source, golden)) = published::r1_distill() else { return };
    let tokenizer = Tokenizer::open(&source).expect("opened");
    check_hashes("R1-Distill-Qwen-7B", &tokenizer, &strings()[..2_000], &golden["tokenizer"]);
}
