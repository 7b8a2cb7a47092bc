//! The engine on the tiny DeepSeek-V3 fixture: equal to transformers, cancellable, and within its limits.
//! Expected tokens are in tests/fixtures; most other tests of this crate use the fake model.
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use engine::{CancelHandle, Engine, EngineOptions, Event, FinishReason, Request, Sampling, SubmitError};
use models::{CacheDtype, LoadOptions};

fn start(options: EngineOptions) -> Engine {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/deepseek-v3/yarn");
    let checkpoint = checkpoint::open(&folder).expect("the fixture is there");
    let model = models::load(&checkpoint, &LoadOptions::default(), &mut |_, _| {});
    Engine::start(model.expect("the fixture loads"), options).expect("a thread")
}

fn exact() -> EngineOptions {
    EngineOptions {
        context: 256,
        max_sequences: 3,
        prefill_chunk: 32,
        cache_dtype: CacheDtype::F32,
        ..EngineOptions::default()
    }
}

fn greedy(tokens: Vec<u32>, max_tokens: usize) -> Request {
    let sampling = Sampling { temperature: 0.0, ..Sampling::default() };
    Request { tokens, sampling, max_tokens: Some(max_tokens), ..Request::default() }
}

fn submit(engine: &Engine, request: Request) -> (CancelHandle, Receiver<Event>) {
    let (sender, receiver) = channel();
    let sink = Box::new(move |event| drop(sender.send(event)));
    (engine.submit(request, sink).expect("it is taken"), receiver)
}

fn collect(events: &Receiver<Event>) -> (Vec<u32>, FinishReason) {
    let mut tokens = Vec::new();
    loop {
        match events.recv_timeout(Duration::from_secs(60)).expect("an event comes") {
            Event::Prefill(_) => {}
            Event::Token { id, .. } => tokens.push(id),
            Event::Finished { reason, timings, .. } => {
                assert_eq!(timings.completion_tokens, tokens.len());
                return (tokens, reason);
            }
            Event::Failed(error) => panic!("{error}"),
        }
    }
}

fn reference() -> (Vec<u32>, Vec<u32>) {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/deepseek-v3/yarn/reference.json");
    let text = std::fs::read(path).expect("the fixture has a reference");
    let value: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    let list = |key: &str| serde_json::from_value(value[key].clone()).expect("a list of tokens");
    (list("prompt"), list("greedy"))
}

#[test]
fn greedy_answers_equal_transformers_alone_and_side_by_side() {
    let engine = start(exact());
    let (prompt, expected) = reference();
    let alone = collect(&submit(&engine, greedy(prompt.clone(), expected.len())).1);
    assert_eq!(alone, (expected.clone(), FinishReason::Length));

    let other: Vec<u32> = prompt.iter().rev().copied().collect();
    let runs = [prompt.clone(), other.clone(), prompt].map(|p| submit(&engine, greedy(p, expected.len())).1);
    let [first, second, third] = runs.map(|events| collect(&events).0);
    assert_eq!((&first, &third), (&expected, &expected));
    assert_eq!(second, collect(&submit(&engine, greedy(other, expected.len())).1).0);
    assert_eq!(engine.metrics().pages_used, 0, "every page came back");
}

#[test]
fn a_stop_token_ends_without_being_told() {
    let engine = start(exact());
    let (prompt, expected) = reference();
    let stop = expected[1];
    let request = Request { stop_tokens: vec![stop], ..greedy(prompt, 64) };
    let (tokens, reason) = collect(&submit(&engine, request).1);
    assert_eq!(reason, FinishReason::Stop);
    assert!(!tokens.contains(&stop));
}

#[test]
fn a_full_context_is_said_and_a_long_prompt_is_refused_with_both_numbers() {
    let engine = start(EngineOptions { context: 100, ..exact() });
    let (prompt, _) = reference();
    let request = Request { max_tokens: None, ..greedy(prompt.clone(), 0) };
    let (tokens, reason) = collect(&submit(&engine, request).1);
    assert_eq!((tokens.len(), reason), (4, FinishReason::ContextFull));
    let long = greedy([prompt.clone(), prompt].concat(), 1);
    let refused = engine.submit(long, Box::new(|_| {})).expect_err("it does not fit");
    assert_eq!(refused, SubmitError::PromptTooLong { tokens: 192, context: 100 });
}

#[test]
fn cancelling_ends_the_answer_and_dropping_the_engine_ends_all() {
    let engine = start(EngineOptions { context: 512, ..exact() });
    let (prompt, _) = reference();
    let endless = || Request { max_tokens: None, ..greedy(prompt.clone(), 0) };
    let (cancel, events) = submit(&engine, endless());
    events.recv_timeout(Duration::from_secs(60)).expect("a first token");
    cancel.cancel();
    assert_eq!(collect_tail(&events), FinishReason::Cancelled);
    let (_cancel, events) = submit(&engine, endless());
    events.recv_timeout(Duration::from_secs(60)).expect("a first token");
    drop(engine);
    assert_eq!(collect_tail(&events), FinishReason::Cancelled);
}

fn collect_tail(events: &Receiver<Event>) -> FinishReason {
    events
        .iter()
        .find_map(|event| if let Event::Finished { reason, .. } = event { Some(reason) } else { None })
        .expect("an end comes")
}
