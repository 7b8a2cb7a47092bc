//! The engine on real models: the Guide model with its MTP layer, and the fixtures of every family. Drafts,
//! cached prefixes and batches give exactly the tokens of a plain engine.
mod client;

use std::path::{Path, PathBuf};

use client::{Answer, ask, collect, submit};
use engine::{DrafterKind, Engine, EngineOptions, Request, Sampling, Speculation, Spill};
use models::{CacheDtype, LoadOptions};
use tokenizers::Tokenizer;

const PLAIN: EngineOptions = EngineOptions {
    context: 2048,
    max_sequences: 4,
    prefill_chunk: 64,
    cache_dtype: CacheDtype::Bf16,
    cache_bytes: None,
    prefix_caching: false,
    speculation: Speculation::Off,
    spill: None,
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn start(folder: &Path, options: EngineOptions) -> Engine {
    let checkpoint = checkpoint::open(folder).expect("the model is there");
    let model = models::load(&checkpoint, &LoadOptions::default(), &mut |_, _| {}).expect("it loads");
    Engine::start(model, options).expect("it starts")
}

fn guide(options: EngineOptions) -> Engine {
    start(&root().join("assets/guide-model"), options)
}

/// Questions in the Guide's template, each with the tokens before its answer.
fn questions() -> Vec<Vec<u32>> {
    let file = root().join("assets/guide-model/tokenizer.json");
    let tokenizer = Tokenizer::from_file(file).expect("the tokenizer loads");
    let ask = |text: &str| {
        let text = format!("<｜begin▁of▁sentence｜><｜User｜>{text}<｜Assistant｜>");
        tokenizer.encode(text, false).expect("it encodes").get_ids().to_vec()
    };
    [
        "What is Whaledeck?",
        "How do I pause a download?",
        "Which model fits 8 GB of memory?",
        "Whaledeck 是什么？",
        "怎么暂停下载？",
        "Where do you come from, and what do you know about the moon?",
    ]
    .map(ask)
    .into()
}

fn request(tokens: &[u32], temperature: f32, seed: u64) -> Request {
    let sampling = Sampling { temperature, seed, ..Sampling::default() };
    Request {
        tokens: tokens.into(),
        sampling,
        max_tokens: Some(80),
        stop_tokens: vec![1],
        ..Request::default()
    }
}

fn drafting(cache_dtype: CacheDtype) -> EngineOptions {
    EngineOptions {
        speculation: Speculation::Always { max_drafts: 3 },
        prefix_caching: true,
        cache_dtype,
        ..PLAIN
    }
}

#[test]
fn drafts_change_no_token_in_any_cache() {
    for cache in [CacheDtype::F32, CacheDtype::Bf16, CacheDtype::Fp8] {
        let (plain, quick) = (guide(EngineOptions { cache_dtype: cache, ..PLAIN }), guide(drafting(cache)));
        let (mut offered, mut accepted) = ([0; 3], [0; 3]);
        for (seed, tokens) in questions().iter().enumerate() {
            for temperature in [0.0, 0.8] {
                let make_request = || request(tokens, temperature, seed as u64);
                let (expected, answer) = (ask(&plain, make_request()), ask(&quick, make_request()));
                assert_eq!(answer.tokens, expected.tokens, "{cache:?}, question {seed} at {temperature}");
                let drafts = &answer.timings().drafts;
                assert_eq!(drafts.drafter, Some(DrafterKind::Mtp));
                for position in 0..drafts.offered.len() {
                    offered[position] += drafts.offered[position];
                    accepted[position] += drafts.accepted[position];
                }
            }
        }
        println!("{cache:?}: drafts offered {offered:?}, accepted {accepted:?}");
        assert!(accepted[0] * 2 > offered[0], "{accepted:?} of {offered:?}");
    }
}

#[test]
fn a_chat_of_many_turns_is_the_same_with_cached_pages_and_in_a_batch() {
    let (plain, keeping) = (guide(PLAIN), guide(drafting(CacheDtype::Bf16)));
    let questions = questions();
    let mut talks: Vec<Vec<u32>> = questions.iter().take(4).cloned().collect();
    for turn in 0..4 {
        let runs: Vec<_> = talks.iter().map(|talk| submit(&keeping, request(talk, 0.0, 1)).1).collect();
        for (talk, events) in talks.iter_mut().zip(&runs) {
            let answer: Answer = collect(events);
            assert_eq!(answer.tokens, ask(&plain, request(talk, 0.0, 1)).tokens, "turn {turn}");
            if turn > 0 {
                let reused = answer.timings().cached_tokens;
                assert!(reused + 40 > talk.len(), "{reused} of {}", talk.len());
            }
            talk.extend(&answer.tokens);
            talk.push(1);
            // The next question, without its begin-of-sentence token.
            talk.extend(&questions[(turn + 1) % questions.len()][1..]);
        }
    }
    assert_eq!(keeping.metrics().pages_used, 0);
}

#[test]
fn an_unload_changes_no_token() {
    let folder = tempfile::tempdir().expect("a folder");
    let spill = Spill { file: folder.path().join("pages"), model_hash: [3; 32], max_bytes: 1 << 30 };
    let long: Vec<u32> = questions().concat();
    for cache in [CacheDtype::Bf16, CacheDtype::Fp8] {
        let options = EngineOptions { spill: Some(spill.clone()), ..drafting(cache) };
        let engine = guide(options.clone());
        let expected = ask(&engine, request(&long, 0.0, 1));
        drop(engine);
        let engine = guide(options);
        assert!(engine.restored().expect("it fits") > 0);
        let answer = ask(&engine, request(&long, 0.0, 1));
        assert_eq!(answer.tokens, expected.tokens);
        assert!(answer.timings().cached_tokens + 2 >= long.len());
        drop(engine);
        std::fs::remove_file(&spill.file).expect("it was saved again");
    }
}

/// Every fixture with a reference: prompt lookup or MTP, cached pages and batches against a plain engine.
#[test]
fn every_family_gives_the_plain_tokens() {
    let mut cases = Vec::new();
    for family in std::fs::read_dir(root().join("tests/fixtures")).expect("fixtures").flatten() {
        let inside = std::fs::read_dir(family.path()).into_iter().flatten().flatten();
        let folders = inside.map(|entry| entry.path()).chain([family.path()]);
        cases.extend(folders.filter(|folder| {
            ["reference.json", "config.json", "model.safetensors"]
                .iter()
                .all(|name| folder.join(name).is_file())
        }));
    }
    assert!(cases.len() >= 3, "{cases:?}");
    for folder in cases {
        let (plain, quick) = (start(&folder, PLAIN), start(&folder, drafting(CacheDtype::Bf16)));
        let text = std::fs::read(folder.join("reference.json")).expect("a reference");
        let value: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
        let Ok(prompt) = serde_json::from_value::<Vec<u32>>(value["prompt"].clone()) else { continue };
        let longest = plain.context() - 81;
        for (seed, cut) in [prompt.len(), prompt.len() / 2, 5].into_iter().enumerate() {
            let tokens = [&prompt[..cut], &prompt[..cut]].concat();
            let tokens = &tokens[..tokens.len().min(longest)];
            for temperature in [0.0, 0.7] {
                let expected = ask(&plain, request(tokens, temperature, seed as u64)).tokens;
                let runs: Vec<_> =
                    (0..2).map(|_| submit(&quick, request(tokens, temperature, seed as u64)).1).collect();
                for events in runs {
                    assert_eq!(collect(&events).tokens, expected, "{}", folder.display());
                }
            }
        }
        println!("{}: {:?}", folder.display(), quick.metrics());
    }
}
