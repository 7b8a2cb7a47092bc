//! Every family against its reference (transformers 5.23, or torch where a script of tests/fixtures says so)
//! on tiny random checkpoints with published names: logits and hidden states in one piece, in chunks and
//! token by token, and 64 greedy tokens beyond the original length of a scaled RoPE.
mod fixture;

use fixture::{Run, apart, argmax, load, reference, rows, tokens};
use models::{CacheDtype, Model, OutputRequest, PAGE_TOKENS, Pass};
use serde_json::Value;

/// Largest difference to transformers in fp32.
const NEAR: f32 = 1e-4;

/// The rows of `values` [n, width] at the reference's positions.
fn at_positions(values: &[f32], reference: &Value, width: usize) -> Vec<f32> {
    tokens(&reference["positions"])
        .iter()
        .flat_map(|&p| &values[p as usize * width..][..width])
        .copied()
        .collect()
}

fn check(case: &str) {
    let (model, reference) = (load(case), reference(case));
    let (prompt, vocab) = (tokens(&reference["prompt"]), model.vocab_size());
    let expected = rows(&reference["logits"]).concat();
    let near = |how: &str, logits: &[f32]| {
        let apart = apart(&at_positions(logits, &reference, vocab), &expected);
        assert!(apart < NEAR, "{case}, {how}: {apart}");
    };

    let mut layers = Vec::new();
    let go = || false;
    let mut pass = Pass { layers: Some(&mut layers), ..Pass::new(&go) };
    let complete = Run::new(&*model, CacheDtype::F32).read_with(&prompt, OutputRequest::All, &mut pass);
    near("in one piece", &complete.logits);
    hidden(case, &reference, &layers);

    let mut answer = Run::new(&*model, CacheDtype::F32);
    let read = answer.read_as(false, &prompt, OutputRequest::All, &mut Pass::new(&go));
    near("in one piece, not as a prompt", &read.logits);

    let mut pieces = Run::new(&*model, CacheDtype::F32);
    let read = |chunk: &[u32]| pieces.read(chunk, OutputRequest::All).logits.to_vec();
    near("in chunks", &prompt.chunks(17).flat_map(read).collect::<Vec<_>>());

    let mut singles = Run::new(&*model, CacheDtype::F32);
    let read = |chunk: &[u32]| singles.read(chunk, OutputRequest::All).logits.to_vec();
    near("token by token", &prompt.chunks(1).flat_map(read).collect::<Vec<_>>());

    assert_eq!(greedy(&*model, &prompt), tokens(&reference["greedy"]), "{case}: 64 greedy tokens");
}

fn greedy(model: &dyn Model, prompt: &[u32]) -> Vec<u32> {
    let mut run = Run::new(model, CacheDtype::F32);
    let mut next = argmax(&run.read(prompt, OutputRequest::Last).logits);
    let mut greedy = vec![next];
    while greedy.len() < 64 {
        next = argmax(&run.read(&[next], OutputRequest::Last).logits);
        greedy.push(next);
    }
    assert!(run.past > 2 * PAGE_TOKENS, "the test crosses pages");
    greedy
}

fn hidden(case: &str, reference: &Value, layers: &[Vec<f32>]) {
    let expected = reference["hidden"].as_array().expect("hidden states");
    assert_eq!(layers.len(), expected.len(), "{case}: layers");
    for (index, (layer, expected)) in layers.iter().zip(expected).enumerate() {
        let expected = rows(expected);
        let layer = at_positions(layer, reference, expected[0].len());
        let largest = expected.concat().iter().fold(1.0f32, |m, v| m.max(v.abs()));
        let apart = apart(&layer, &expected.concat()) / largest;
        assert!(apart < NEAR, "{case}, hidden state of layer {index}: {apart}");
    }
}

macro_rules! cases {
    ($($name:ident: $case:literal,)*) => { $(#[test] fn $name() { check($case); })* };
}

cases! {
    v2_low_rank_query_groups_by_their_best_and_a_scale_of_16: "deepseek-v2/v2",
    v2_lite_plain_query_no_groups_stored_as_f16: "deepseek-v2/lite",
    v2_biases_in_latent_attention: "deepseek-v2/biased",
    v3_yarn: "deepseek-v3/yarn",
    v3_plain_query_two_shared_experts_and_no_normalisation: "deepseek-v3/plain-q",
    v3_fp8_blocks_with_partial_last_ones: "deepseek-v3/fp8",
    v3_fp8_blocks_with_ue8m0_scales: "deepseek-v3/ue8m0",
    v3_with_an_mtp_layer: "deepseek-v3/mtp",
    moe_16b: "deepseek-moe/moe",
    moe_16b_with_normed_weights: "deepseek-moe/normed",
    qwen2_biases: "qwen2/distill",
    qwen2_tied_head: "qwen2/tied",
    qwen3_yarn: "qwen3/yarn",
    qwen3_attn_factor_as_r1_0528_is_published: "qwen3/attn-factor",
    llama_with_its_own_scaling: "llama/llama3",
    llama_with_linear_scaling_and_biases: "llama/linear",
}

#[test]
fn a_bf16_cache_stays_close() {
    for case in ["deepseek-v3/yarn", "llama/llama3"] {
        let (model, reference) = (load(case), reference(case));
        let logits = Run::new(&*model, CacheDtype::Bf16)
            .read(&tokens(&reference["prompt"]), OutputRequest::All)
            .logits;
        let logits = at_positions(&logits, &reference, model.vocab_size());
        let apart = apart(&logits, &rows(&reference["logits"]).concat());
        assert!(apart < 5e-2, "{case}: {apart}");
    }
}
