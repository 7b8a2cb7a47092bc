//! The same weights as GGUF and in the published form give the same answer: to the bit where the numbers are the same,
//! near it where the file is quantised. tests/fixtures/gguf/make.py made both.
mod fixture;

use fixture::{Run, cosine, equal, folder, open, options};
use models::{CacheDtype, Pass, Step, Want};

/// Logits of a prompt past the original length of the stretched ropes.
fn logits(path: &str) -> Vec<f32> {
    let model = open(&folder("gguf").join(path), &options()).expect("it loads");
    let prompt: Vec<u32> = (0..100).map(|i| (i * 7 + i * i) % model.vocab_size() as u32).collect();
    let logits = Run::new(&*model, CacheDtype::F32).read(&prompt, Want::All).logits;
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
    // Not by the largest difference: a near tie between two experts may go the other way and move its token far.
    let alike = cosine(&published, &small);
    assert!(alike > 0.95, "{alike}");
}

#[test]
fn the_prediction_layer_comes_from_both() {
    let draft = |path: &str| {
        let model = open(&folder("gguf").join(path), &options()).expect("it loads");
        assert!(model.has_mtp(), "{path}");
        let mut run = Run::new(&*model, CacheDtype::F32);
        let hidden = run.read(&[1, 2, 3, 4], Want::All).hidden;
        let step = Step { tokens: &[2, 3, 4, 5], pages: &run.pages, past: 0, want: Want::All, prompt: true };
        model.draft(&step, &hidden, &mut run.kv, &mut Pass::new(&|| false)).expect("a draft").logits
    };
    equal(&draft("deepseek_v3"), &draft("deepseek_v3/f32.gguf"), "drafts");
}
