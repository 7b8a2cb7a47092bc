//! Decode steps whose most likely tokens are enough give the logits of other steps, which are brought from a
//! card only when they are asked for; on the host they are there anyway.
mod fixture;

use fixture::{Run, cache, equal, load, reference, tokens};
use models::{CacheDtype, OutputRequest, Pass, Step, TOP_NATS};

/// The tokens of a row that the definition of a `TopRow` names.
fn near(row: &[f32], temperature: f32) -> Vec<(u32, f32)> {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let least = largest - TOP_NATS * temperature;
    (0..).zip(row.iter().copied()).filter(|(_, logit)| *logit >= least).collect()
}

#[test]
fn logits_that_stay_on_a_card_are_those_of_any_step() {
    for case in ["deepseek-v2/lite", "qwen2/distill"] {
        let model = load(case);
        let prompt = tokens(&reference(case)["prompt"]);
        let (mut whole, mut kept) = (Run::new(&*model, CacheDtype::F32), Run::new(&*model, CacheDtype::F32));
        let temperatures = [0.7];
        for run in [&mut whole, &mut kept] {
            run.read(&prompt[..20], OutputRequest::None);
        }
        // Often enough that a graph is captured and launched again.
        for token in &prompt[20..28] {
            let want = whole.read(&[*token], OutputRequest::Last).logits;
            let mut pass = Pass { temperatures: &temperatures, ..Pass::new(&|| false) };
            let logits = kept.read_with(&[*token], OutputRequest::Last, &mut pass).logits;
            if let Some(top) = logits.top() {
                assert_eq!(top.tokens, near(&want, temperatures[0]), "{case}");
            }
            logits.load().expect("they are still there");
            equal(&logits, &want, case);
        }
    }
}

#[test]
fn logits_of_an_earlier_pass_are_not_those_of_a_later_one() {
    let model = load("qwen2/distill");
    let mut run = Run::new(&*model, CacheDtype::F32);
    let mut decode = |token: u32| {
        let mut pass = Pass { temperatures: &[0.7], ..Pass::new(&|| false) };
        run.read_with(&[token], OutputRequest::Last, &mut pass).logits
    };
    let first = decode(1);
    decode(2);
    // Only a card keeps them in memory that the next pass takes.
    assert_eq!(first.load().is_err(), first.top().is_some());
}

#[test]
fn each_row_of_a_batch_has_its_own_most_likely_tokens() {
    let model = load("qwen2/distill");
    let prompt = tokens(&reference("qwen2/distill")["prompt"]);
    let pages = [[0], [1], [2]];
    let mut kv = cache(&*model, 3, CacheDtype::F32);
    let temperatures = [0.7, 0.0, 0.2];
    for at in 0..6 {
        let steps = pages.each_ref().map(|pages| Step {
            // Each sequence has other tokens.
            tokens: &prompt[at + 3 * pages[0] as usize..][..1],
            pages,
            past: at,
            output: OutputRequest::Last,
            prefill: false,
        });
        let mut pass = Pass { temperatures: &temperatures, ..Pass::new(&|| false) };
        let outputs = model.forward(&steps, &mut kv, &mut pass).expect("a step");
        for (output, temperature) in outputs.iter().zip(temperatures) {
            let top = output.logits.top().cloned();
            output.logits.load().expect("they are still there");
            if let Some(top) = top {
                assert_eq!(top.tokens, near(&output.logits, temperature), "at {temperature}");
            }
        }
    }
}
