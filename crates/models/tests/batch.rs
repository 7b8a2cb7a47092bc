//! Results are batch-invariant: a ragged batch equals its steps computed one by one, bit for bit.
//! One fixture per architecture, with F32 and FP8 caches; on a GPU results are nearly equal instead.
mod fixture;

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use fixture::{apart, cache, equal, load, reference, tokens};
use models::{CacheDtype, ForwardError, KvPages, LayerRouting, Model, Output, OutputRequest, Pass, Step};

const CASES: &[&str] = &[
    "deepseek-v2/v2",
    "deepseek-v2/lite",
    "deepseek-v3/fp8",
    "deepseek-moe/moe",
    "qwen2/distill",
    "qwen3/yarn",
    "llama/llama3",
];
/// Three sequences, interleaved in the cache.
const PAGES: [[u32; 2]; 3] = [[0, 3], [5, 1], [2, 4]];
/// Tokens of each sequence in each round: prompts of different lengths, then chunks together with single
/// tokens.
const ROUNDS: [[usize; 3]; 4] = [[70, 33, 5], [1, 20, 1], [3, 1, 40], [1, 1, 1]];

fn step<'a>(prompts: &'a [Vec<u32>; 3], past: &[usize; 3], round: &[usize; 3], which: usize) -> Step<'a> {
    let tokens = &prompts[which][past[which]..past[which] + round[which]];
    Step { tokens, pages: &PAGES[which], past: past[which], output: OutputRequest::All, prefill: true }
}

fn forward(model: &dyn Model, steps: &[Step], kv: &mut KvPages) -> Vec<Output> {
    model.forward(steps, kv, &mut Pass::new(&|| false)).expect("a step")
}

fn check(case: &str, dtype: CacheDtype) {
    let model = load(case);
    let prompt = tokens(&reference(case)["prompt"]);
    let prompts = [prompt.clone(), prompt.iter().rev().copied().collect(), prompt[20..].to_vec()];
    let (mut together, mut alone) = (cache(&*model, 6, dtype), cache(&*model, 6, dtype));
    let mut past = [0; 3];
    for round in ROUNDS {
        let steps = [0, 1, 2].map(|which| step(&prompts, &past, &round, which));
        let batched = forward(&*model, &steps, &mut together);
        for (which, (step, batched)) in steps.iter().zip(&batched).enumerate() {
            let single = forward(&*model, std::slice::from_ref(step), &mut alone).remove(0);
            assert!(!single.logits.is_empty());
            let what = format!("{case}, sequence {which} at {past:?}");
            equal(&single.logits, &batched.logits, &what);
            equal(&single.hidden, &batched.hidden, &what);
        }
        past = [0, 1, 2].map(|which| past[which] + round[which]);
    }
}

#[test]
fn three_together_equal_three_alone() {
    for case in CASES {
        check(case, CacheDtype::F32);
    }
}

#[test]
fn three_together_equal_three_alone_in_an_fp8_cache() {
    for case in CASES {
        check(case, CacheDtype::Fp8);
    }
}

#[test]
fn each_step_gets_the_rows_it_requests() {
    let model = load("qwen3/yarn");
    let prompt = tokens(&reference("qwen3/yarn")["prompt"]);
    let (vocab, hidden) = (model.vocab_size(), 48);
    let all = forward(
        &*model,
        &[Step { tokens: &prompt[..9], pages: &[0], past: 0, output: OutputRequest::All, prefill: true }],
        &mut cache(&*model, 4, CacheDtype::F32),
    )
    .remove(0);
    let requests =
        [OutputRequest::None, OutputRequest::Last, OutputRequest::LastAndHidden, OutputRequest::All];
    let pages: Vec<[u32; 1]> = (0..4).map(|page| [page]).collect();
    let steps: Vec<Step> = requests
        .iter()
        .zip(&pages)
        .map(|(&output, pages)| Step { tokens: &prompt[..9], pages, past: 0, output, prefill: true })
        .collect();
    let outputs = forward(&*model, &steps, &mut cache(&*model, 4, CacheDtype::F32));
    let (last, state) = (&all.logits[8 * vocab..], &all.hidden[8 * hidden..]);
    assert_eq!(outputs[0], Output::default());
    let expected = [(last, state), (last, &all.hidden[..]), (&all.logits[..], &all.hidden[..])];
    for (output, (logits, hidden)) in outputs[1..].iter().zip(expected) {
        equal(&output.logits, logits, "logits");
        equal(&output.hidden, hidden, "hidden states");
    }
}

#[test]
fn routing_is_told_for_every_token_and_mixture() {
    let model = load("deepseek-v3/yarn");
    let mut routing: Vec<LayerRouting> = Vec::new();
    let go = || false;
    let mut pass = Pass { routing: Some(&mut routing), ..Pass::new(&go) };
    let steps = [[7, 8].as_slice(), &[9]].map(|tokens| (tokens, [tokens[0] - 7]));
    let steps = steps.each_ref().map(|(tokens, pages)| Step {
        tokens,
        pages,
        past: 0,
        output: OutputRequest::None,
        prefill: true,
    });
    model.forward(&steps, &mut cache(&*model, 4, CacheDtype::F32), &mut pass).expect("a step");
    let rows: Vec<(usize, usize)> = routing.iter().map(|routed| (routed.layer, routed.row)).collect();
    assert_eq!(rows, [(1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2)]);
    for routed in &routing {
        let sum: f32 = routed.experts.iter().map(|(_, weight)| weight).sum();
        assert_eq!(routed.experts.len(), 4);
        assert!(apart(&[sum], &[2.5]) < 1e-5, "normed, then scaled by 2.5: {sum}");
    }
}

/// After a cancellation kernels skip work, so a cancelled step must never return an output, whichever check
/// noticed it.
#[test]
fn a_cancelled_step_stops_at_every_check() {
    let both = ["deepseek-v2/lite", "llama/llama3"];
    for (case, dtype) in both.into_iter().zip([CacheDtype::Fp8, CacheDtype::Bf16]) {
        let model = load(case);
        let prompt: Vec<u32> = (1..40).collect();
        let forward = |after: usize| {
            let checks = AtomicUsize::new(0);
            let cancelled = || checks.fetch_add(1, Relaxed) >= after;
            let step =
                Step { tokens: &prompt, pages: &[0], past: 0, output: OutputRequest::Last, prefill: true };
            let mut kv = cache(&*model, 1, dtype);
            (model.forward(&[step], &mut kv, &mut Pass::new(&cancelled)), checks.into_inner())
        };
        let (outcome, checks) = forward(usize::MAX);
        // On a GPU there are no checks within a kernel.
        let min = if fixture::on_host() { 100 } else { 9 };
        assert!(outcome.is_ok() && checks >= min, "{case}: only {checks} checks");
        for after in 0..checks {
            assert!(matches!(forward(after).0, Err(ForwardError::Cancelled)), "{case}, check {after}");
        }
    }
}

#[test]
fn bad_input_is_named() {
    let model = load("llama/llama3");
    let mut kv = cache(&*model, 2, CacheDtype::Bf16);
    let mut refused = |tokens: &[u32], pages: &[u32], past| {
        let step = Step { tokens, pages, past, output: OutputRequest::Last, prefill: true };
        model.forward(&[step], &mut kv, &mut Pass::new(&|| false)).expect_err("refused")
    };
    assert!(matches!(refused(&[256], &[0], 0), ForwardError::Token { token: 256, vocab: 256 }));
    assert!(matches!(refused(&[], &[0], 0), ForwardError::Empty));
    assert!(matches!(refused(&[1], &[0, 9], 64), ForwardError::Pages { tokens: 65, pages: 1 }));
    assert!(matches!(refused(&[1], &[0], 512), ForwardError::Position { position: 512, max: 512 }));
    assert!(matches!(refused(&[1], &[0], usize::MAX), ForwardError::Position { .. }));
}
