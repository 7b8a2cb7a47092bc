//! Scheduling fairness, cancellation, fault isolation between requests, and grammars.
//! The model is the fake one, whose layers can take a given time and fail on a given token.
mod client;
mod fake;

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use client::{Answer, ask, collect, options, request, submit};
use engine::{
    Constraint, Engine, EngineError, EngineOptions, Event, FinishReason, Request, Speculation, SubmitError,
};
use fake::{Fake, prompt};

fn start(model: Fake, options: EngineOptions) -> Engine {
    Engine::start(Box::new(model), options).expect("it starts")
}

fn slow() -> Fake {
    Fake { layer: Duration::from_millis(40), ..Fake::default() }
}

#[test]
fn results_are_batch_invariant() {
    for model in [Fake::default(), Fake { mtp: Some(1.0), ..Fake::default() }] {
        let engine = start(model.clone(), EngineOptions { max_sequences: 8, ..options() });
        let alone =
            start(model, EngineOptions { prefix_caching: false, speculation: Speculation::Off, ..options() });
        let make_request =
            |i: u64| request(&prompt(1 + (i as usize * 53) % 400, i % 7), 1 + (i as usize * 17) % 60, i);
        let runs: Vec<_> = (0..40).map(|i| submit(&engine, make_request(i)).1).collect();
        for (i, events) in runs.iter().enumerate() {
            assert_eq!(collect(events).tokens, ask(&alone, make_request(i as u64)).tokens, "request {i}");
        }
        let metrics = engine.metrics();
        assert_eq!((metrics.requests, metrics.running, metrics.waiting, metrics.pages_used), (40, 0, 0, 0));
    }
}

#[test]
fn a_long_prompt_delays_an_answer_by_single_chunks() {
    let model = Fake { token: Duration::from_micros(20), ..Fake::default() };
    let engine = start(model, EngineOptions { context: 4096, ..options() });
    let (sender, tokens) = channel();
    let sink = Box::new(move |event| drop(sender.send((Instant::now(), event))));
    let _talk = engine.submit(request(&prompt(5, 1), 400, 1), sink).expect("it is taken");
    tokens.recv_timeout(Duration::from_secs(10)).expect("a first token");
    let start = Instant::now();
    let long = collect(&submit(&engine, request(&prompt(3_000, 2), 1, 2)).1);
    let took = start.elapsed();
    assert_eq!(long.reason(), FinishReason::Length);
    let during = tokens.try_iter().filter(|(at, _)| *at >= start && *at < start + took).count();
    // 3000 tokens in chunks of 48 are 63 passes, and the answer gets a token in each.
    assert!(during >= 55, "{during} tokens in {took:?}");
}

#[test]
fn cancelling_ends_a_waiting_request_at_once_and_a_running_one_within_a_layer() {
    let engine = start(slow(), EngineOptions { max_sequences: 1, ..options() });
    let (running, events) = submit(&engine, request(&prompt(5, 1), 500, 1));
    events.recv_timeout(Duration::from_secs(10)).expect("a first token");
    let (waiting, waits) = submit(&engine, request(&prompt(5, 2), 500, 2));
    let (_third, last) = submit(&engine, request(&prompt(5, 3), 2, 3));
    waiting.cancel();
    // Its last event was emitted before `cancel` returned.
    assert!(matches!(waits.try_recv(), Ok(Event::Finished { reason: FinishReason::Cancelled, .. })));
    assert_eq!(engine.metrics().waiting, 1);
    let start = Instant::now();
    running.cancel();
    assert_eq!(collect(&events).reason(), FinishReason::Cancelled);
    // A pass takes four layers, 160 ms.
    assert!(start.elapsed() < Duration::from_millis(120), "{:?}", start.elapsed());
    assert_eq!(collect(&last).tokens.len(), 2);
}

#[test]
fn cancelling_one_of_many_leaves_the_others_as_they_were() {
    for model in [Fake::default(), Fake { mtp: Some(1.0), ..Fake::default() }] {
        let layer = Duration::from_micros(200);
        let engine = start(Fake { layer, ..model.clone() }, options());
        let alone = start(model, EngineOptions { prefix_caching: false, ..options() });
        let runs: Vec<_> = (0..12).map(|i| submit(&engine, request(&prompt(150, i), 60, i))).collect();
        for (cancel, _) in runs.iter().step_by(3) {
            std::thread::sleep(Duration::from_millis(7));
            cancel.cancel();
        }
        for (i, (_, events)) in runs.iter().enumerate() {
            let answer = collect(events);
            let expected = ask(&alone, request(&prompt(150, i as u64), 60, i as u64)).tokens;
            assert!(expected.starts_with(&answer.tokens), "request {i}");
            assert!(i % 3 == 0 || answer.tokens.len() == 60);
        }
        assert_eq!(engine.metrics().pages_used, 0);
    }
}

#[test]
fn nothing_asked_is_nothing_given_and_unknown_tokens_are_refused() {
    let engine = start(Fake::default(), options());
    let answer = ask(&engine, request(&prompt(5, 1), 0, 1));
    assert_eq!((answer.tokens.len(), answer.reason()), (0, FinishReason::Length));
    let refused = engine.submit(request(&[1, 12], 1, 1), Box::new(|_| {})).expect_err("it is unknown");
    assert_eq!(refused, SubmitError::UnknownToken { token: 12, vocab: 12 });
}

#[test]
fn what_panics_takes_only_its_own_request_along() {
    let engine = start(Fake { panics_at: Some(7), ..Fake::default() }, options());
    let (_cancel, other) = submit(&engine, request(&prompt(5, 1), 300, 1));
    let mut events = 0;
    let sink = Box::new(move |_| {
        events += 1;
        assert!(events < 3, "the sink breaks");
    });
    engine.submit(request(&prompt(9, 2), 50, 2), sink).expect("it is taken");
    struct Breaks;
    impl Constraint for Breaks {
        fn mask(&mut self, _: &mut [f32]) {
            panic!("the grammar breaks");
        }
        fn accept(&mut self, _: u32) {}
    }
    let constraint: Option<Box<dyn Constraint>> = Some(Box::new(Breaks));
    let answer = ask(&engine, Request { constraint, ..request(&prompt(5, 3), 5, 3) });
    assert_eq!(answer.end.expect_err("it fails"), EngineError::Internal("the grammar breaks".into()));
    assert_eq!(
        collect(&other).end.expect_err("7 comes up").to_string(),
        "run a forward pass: internal error (the bad token)"
    );
    assert_eq!(ask(&engine, request(&prompt(5, 1), 1, 1)).tokens.len(), 1);
    assert_eq!((engine.metrics().pages_used, engine.metrics().running), (0, 0));
}

/// Computing a 7 fails: a sequence with one fails, and the others of the same passes are not affected.
#[test]
fn a_step_that_cannot_be_computed_ends_its_own_sequence_alone() {
    for mtp in [None, Some(1.0)] {
        let model = Fake { mtp, ..Fake::default() };
        let sound = start(model.clone(), options());
        let layer = Duration::from_micros(100);
        let engine = start(Fake { panics_at: Some(7), layer, ..model }, options());
        let make_request = |i: u64| request(&prompt(20 + 9 * i as usize, i), 10, i);
        let runs: Vec<_> = (0..24).map(|i| submit(&engine, make_request(i)).1).collect();
        let (mut finished, mut failed) = (0, 0);
        for (i, events) in (0..).zip(&runs) {
            let (answer, expected) = (collect(events), ask(&sound, make_request(i)).tokens);
            let met = expected[..9].iter().position(|token| *token == 7);
            match answer.end {
                Ok((reason, _)) => {
                    assert_eq!((answer.tokens, reason, met), (expected, FinishReason::Length, None));
                    finished += 1;
                }
                Err(error) => {
                    assert_eq!(error, EngineError::Internal("the bad token".into()));
                    assert!(expected.starts_with(&answer.tokens), "request {i}");
                    // A draft may be a 7 that would not have been sampled.
                    assert!(mtp.is_some() || met == Some(answer.tokens.len() - 1), "request {i}: {met:?}");
                    failed += 1;
                }
            }
        }
        assert!(finished > 4 && failed > 4, "{finished} and {failed}");
        assert_eq!((engine.metrics().pages_used, engine.metrics().running), (0, 0));
    }
}

/// Only even tokens, at most `left` of them.
struct Even {
    left: usize,
}

impl Constraint for Even {
    fn mask(&mut self, logits: &mut [f32]) {
        for (id, logit) in logits.iter_mut().enumerate() {
            if id % 2 == 1 || self.left == 0 {
                *logit = f32::NEG_INFINITY;
            }
        }
    }

    fn accept(&mut self, token: u32) {
        assert_eq!(token % 2, 0);
        self.left -= 1;
    }
}

#[test]
fn a_grammar_is_kept_with_drafts_and_without_and_a_dead_end_is_said() {
    for speculation in [Speculation::Off, Speculation::Always { max_drafts: 3 }] {
        let model = Fake { mtp: Some(0.5), ..Fake::default() };
        let engine = start(model, EngineOptions { speculation, ..options() });
        let even = |left| -> Option<Box<dyn Constraint>> { Some(Box::new(Even { left })) };
        let answer = ask(&engine, Request { constraint: even(100), ..request(&prompt(9, 1), 40, 1) });
        assert_eq!(answer.tokens.len(), 40);
        assert!(answer.tokens.iter().all(|token| token % 2 == 0));
        let Answer { tokens, end } =
            ask(&engine, Request { constraint: even(7), ..request(&prompt(9, 1), 40, 1) });
        assert_eq!((tokens.len(), end.expect_err("a dead end")), (7, EngineError::NoAllowedToken));
    }
}

#[test]
fn dropping_the_engine_ends_all_that_run_and_wait() {
    let engine = start(slow(), options());
    let runs: Vec<_> = (0..7).map(|i| submit(&engine, request(&prompt(9, i), 500, i)).1).collect();
    std::thread::sleep(Duration::from_millis(100));
    drop(engine);
    for events in runs {
        let ends =
            events.iter().filter(|event| !matches!(event, Event::Prefill(_) | Event::Token { .. })).count();
        assert_eq!(ends, 1);
    }
}
