//! The same weights as GGUF and as safetensors give the same logits: bit for bit where the values are equal,
//! close to them where the file is quantised. tests/fixtures/gguf/make.py wrote both.
mod fixture;

use fixture::{Run, cosine, equal, folder, open, options};
use models::{CacheDtype, OutputRequest, Pass, Step};

/// Logits of a prompt beyond the original length of the scaled RoPE.
fn logits(path: &str) -> models::Logits {
    let model = open(&folder("gguf").join(path), &options()).expect("it loads");
    let prompt: Vec<u32> = (0..100).map(|i| (i * 7 + i * i) % model.vocab_size() as u32).collect();
    let logits = Run::new(&*model, CacheDtype::F32).read(&prompt, OutputRequest::All).logits;
    assert!(logits.iter().all(|value| value.is_finite()) && logits.iter().any(|value| value.abs() > 0.05));
    logits
}

#[test]
fn every_family_in_f32_equals_its_twin() {
    for family in ["deepseek_v3", "deepseek", "qwen2", "qwen3", "llama"] {
        equal(&logits(family), &logits(&format!("{family}/f32.gguf")), family);
    }
    let published = logits("deepseek_v2");
    for layout in ["whole", "both", "folded", "shards-00001-of-00002"] {
        equal(&published, &logits(&format!("deepseek_v2/{layout}.gguf")), layout);
    }
}

#[test]
fn a_quantised_file_stays_near() {
    let (published, small) = (logits("deepseek_v2"), logits("deepseek_v2/q8_0.gguf"));
    assert_ne!(published, small);
    // Not the largest difference: a near tie between two experts may be decided differently and change a
    // token much.
    let alike = cosine(&published, &small);
    assert!(alike > 0.95, "{alike}");
}

#[test]
fn the_mtp_layer_comes_from_both() {
    let draft = |path: &str| {
        let model = open(&folder("gguf").join(path), &options()).expect("it loads");
        assert!(model.has_mtp(), "{path}");
        let mut run = Run::new(&*model, CacheDtype::F32);
        let hidden = run.read(&[1, 2, 3, 4], OutputRequest::All).hidden;
        let step = Step {
            tokens: &[2, 3, 4, 5],
            pages: &run.pages,
            past: 0,
            output: OutputRequest::All,
            prefill: true,
        };
        model.draft(&step, &hidden, &mut run.kv, &mut Pass::new(&|| false)).expect("a draft").logits
    };
    equal(&draft("deepseek_v3"), &draft("deepseek_v3/f32.gguf"), "drafts");
}
