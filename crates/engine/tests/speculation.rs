//! Speculative decoding changes neither the text nor the distribution, only the speed. Both drafters are
//! covered: the MTP layer and prompt lookup. The distribution is tested with Pearson's statistic.
mod client;
mod fake;

use client::{ask, options, request};
use engine::{DrafterKind, Engine, EngineOptions, Request, Sampling, Speculation};
use fake::{Fake, prompt};

const ALWAYS: Speculation = Speculation::Always { max_drafts: 3 };

fn start(model: Fake, speculation: Speculation) -> Engine {
    Engine::start(Box::new(model), EngineOptions { speculation, ..options() }).expect("it starts")
}

fn check_same_text(model: &Fake, kind: DrafterKind) {
    let (plain, drafted) = (start(model.clone(), Speculation::Off), start(model.clone(), ALWAYS));
    let (mut offered, mut accepted) = (0, 0);
    for seed in 0..20 {
        let sampling = |greedy| Sampling {
            temperature: if greedy { 0.0 } else { 0.7 },
            frequency_penalty: 0.2,
            repetition_penalty: 1.1,
            seed,
            ..Sampling::default()
        };
        let make_request = |greedy| Request {
            sampling: sampling(greedy),
            stop_tokens: vec![(seed % 5) as u32],
            ..request(&prompt(3 + seed as usize * 7, seed / 3), 90, seed)
        };
        for greedy in [true, false] {
            let (expected, answer) = (ask(&plain, make_request(greedy)), ask(&drafted, make_request(greedy)));
            assert_eq!(answer.tokens, expected.tokens, "seed {seed}, greedy {greedy}");
            assert_eq!(answer.reason(), expected.reason());
            let drafts = &answer.timings().drafts;
            assert_eq!((drafts.drafter, expected.timings().drafts.drafter), (Some(kind), None));
            assert_eq!(drafts.offered.len(), drafts.accepted.len());
            offered += drafts.offered.iter().sum::<u32>();
            accepted += drafts.accepted.iter().sum::<u32>();
        }
    }
    let rate = f64::from(accepted) / f64::from(offered);
    println!("{kind:?}: {accepted} of {offered} drafts accepted");
    assert!(rate > 0.02 && rate < 0.98 && offered > 100, "the test must see right and wrong drafts: {rate}");
    assert_eq!(drafted.metrics().drafts_accepted, u64::from(accepted));
}

#[test]
fn the_text_is_the_same_with_the_mtp_layer() {
    check_same_text(&Fake { mtp: Some(1.5), ..Fake::default() }, DrafterKind::Mtp);
}

#[test]
fn the_text_is_the_same_with_prompt_look_up() {
    // A Markov chain of order 1 repeats itself often.
    check_same_text(&Fake { vocab: 4, history: 0.1, ..Fake::default() }, DrafterKind::Lookup);
}

/// The MTP layer's cache is synced when it lags by 256 positions, at any point of a prompt or an answer.
#[test]
fn drafts_go_on_after_a_prompt_of_any_length_and_after_a_long_pause() {
    let model = Fake { mtp: Some(1.0), ..Fake::default() };
    let fresh = |speculation| {
        let options = EngineOptions { speculation, prefix_caching: false, ..options() };
        Engine::start(Box::new(model.clone()), options).expect("it starts")
    };
    let (plain, drafted) = (fresh(Speculation::Off), fresh(ALWAYS));
    for length in 250..=310 {
        let make_request = || request(&prompt(length, 1), 6, 1);
        let (expected, answer) = (ask(&plain, make_request()), ask(&drafted, make_request()));
        assert_eq!(answer.end.map(|end| end.0), expected.end.map(|end| end.0), "{length}");
        assert_eq!(answer.tokens, expected.tokens);
    }
    let slow = Fake { mtp: Some(60.0), token: std::time::Duration::from_micros(50), ..Fake::default() };
    let losing = Engine::start(Box::new(slow), options()).expect("it starts");
    let answer = ask(&losing, request(&prompt(10, 1), 800, 3));
    assert_eq!((answer.tokens.len(), answer.reason()), (800, engine::FinishReason::Length));
}

/// Pearson's statistic over 20,000 samples of a chain of 4 tokens, each row of the table against its own
/// total. The 0.1 % point at 4 x 3 degrees of freedom is 32.9.
fn check_distribution(model: &Fake) {
    let engine = start(model.clone(), ALWAYS);
    let (mut pairs, mut offered) = (Vec::new(), 0);
    for seed in 0..25 {
        let answer = ask(&engine, request(&[1], 800, seed));
        offered += answer.timings().drafts.offered[0];
        let all: Vec<u32> = std::iter::once(1).chain(answer.tokens).collect();
        pairs.extend(all.windows(2).map(|pair| (pair[0], pair[1])));
    }
    assert!(pairs.len() == 20_000 && offered > 2_000, "too few drafts: {offered}");
    let mut statistic = 0.0;
    for from in 0..4u32 {
        let logits = model.logits(&[from]);
        let total: f64 = logits.iter().map(|logit| f64::from(*logit).exp()).sum();
        let samples: Vec<u32> = pairs.iter().filter(|pair| pair.0 == from).map(|pair| pair.1).collect();
        for (id, logit) in logits.iter().enumerate() {
            let expected = f64::from(*logit).exp() / total * samples.len() as f64;
            let count = samples.iter().filter(|token| **token as usize == id).count() as f64;
            statistic += (count - expected).powi(2) / expected;
        }
    }
    assert!(statistic < 32.9, "{statistic}");
}

#[test]
fn the_distribution_is_kept_with_the_mtp_layer() {
    check_distribution(&Fake { vocab: 4, history: 0.0, mtp: Some(1.0), ..Fake::default() });
}

#[test]
fn the_distribution_is_kept_with_prompt_look_up() {
    check_distribution(&Fake { vocab: 4, history: 0.0, ..Fake::default() });
}

#[test]
fn drafting_that_loses_is_switched_off_and_said() {
    use std::time::Duration;
    let slow = Fake { mtp: Some(60.0), token: Duration::from_micros(250), ..Fake::default() };
    let engine = start(slow, Speculation::Auto { max_drafts: 3 });
    let losing = ask(&engine, request(&prompt(10, 1), 120, 3));
    let drafts = &losing.timings().drafts;
    println!("losing: {drafts:?}");
    assert!(!drafts.pauses.is_empty() && drafts.offered[0] < 60);

    let quick = Fake { mtp: Some(0.0), layer: Duration::from_micros(500), ..Fake::default() };
    let engine = start(quick, Speculation::Auto { max_drafts: 3 });
    let sampling = Sampling { temperature: 0.0, ..Sampling::default() };
    let winning = ask(&engine, Request { sampling, ..request(&prompt(10, 1), 120, 3) });
    let drafts = &winning.timings().drafts;
    println!("winning: {drafts:?}");
    assert!(drafts.pauses.is_empty() && drafts.accepted == drafts.offered && drafts.offered[2] > 15);
}
