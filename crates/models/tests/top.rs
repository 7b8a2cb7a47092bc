//! Decode steps whose most likely tokens are enough give the logits of other steps, which are brought from a
//! card only when they are asked for; on the host they are there anyway.
mod fixture;

use fixture::{Run, equal, load, reference, tokens};
use models::{CacheDtype, OutputRequest, Pass, TOP_NATS};

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
                let largest = want.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let least = largest - TOP_NATS * temperatures[0];
                let near: Vec<(u32, f32)> =
                    (0..).zip(want.iter().copied()).filter(|(_, logit)| *logit >= least).collect();
                assert_eq!(top.tokens, near, "{case}");
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
