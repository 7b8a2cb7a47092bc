//! Prefix caching: what is cached is not computed again, and the answers are the same.
//! Lengths are chosen around the page size of 64 tokens.
mod client;
mod fake;

use client::{ask, collect, options, request, submit};
use engine::{EmbedSpan, Engine, EngineOptions, FinishReason, Request, Speculation, Spill, SubmitError};
use fake::{Fake, prompt};

fn start(model: &Fake, prefix_caching: bool) -> Engine {
    let options =
        EngineOptions { prefix_caching, speculation: Speculation::Always { max_drafts: 2 }, ..options() };
    Engine::start(Box::new(model.clone()), options).expect("it starts")
}

fn both() -> [Fake; 2] {
    [Fake::default(), Fake { mtp: Some(1.0), ..Fake::default() }]
}

#[test]
fn a_second_turn_reads_only_what_is_new_at_any_length() {
    for model in both() {
        let (fresh, keeping) = (start(&model, false), start(&model, true));
        for length in [1, 2, 3, 62, 63, 64, 65, 66, 126, 127, 128, 129, 130, 200] {
            for answered in [1, 2, 5, 64] {
                let first = prompt(length, length as u64);
                let answer = ask(&keeping, request(&first, answered, 5));
                let talk = [first.clone(), answer.tokens.clone(), vec![3, 1, 4]].concat();
                // The same prompt again, the next turn, and a branch in the middle of the prompt.
                let branch = [&first[..length / 2], &[11, 9, 11][..]].concat();
                for tokens in [first, talk, branch] {
                    let expected = ask(&fresh, request(&tokens, 8, 7));
                    let answer = ask(&keeping, request(&tokens, 8, 7));
                    assert_eq!(answer.tokens, expected.tokens, "{length} and {answered}");
                    assert_eq!(expected.timings().cached_tokens, 0);
                    if answered == 64 && tokens.len() > length + 3 {
                        let reused = answer.timings().cached_tokens;
                        assert!(reused + 8 >= tokens.len(), "{reused} of {}", tokens.len());
                    }
                }
            }
        }
        let metrics = keeping.metrics();
        assert_eq!((metrics.pages_used, fresh.metrics().pages_cached), (0, 0));
        assert!(metrics.pages_cached <= metrics.pages_total && metrics.cached_tokens > 1000);
    }
}

#[test]
fn sequences_that_run_share_a_beginning_and_salts_keep_them_apart() {
    for model in both() {
        let engine = start(&model, true);
        let tokens = prompt(300, 1);
        let expected = ask(&engine, request(&tokens, 20, 1)).tokens;
        let runs: Vec<_> = (0..4).map(|_| submit(&engine, request(&tokens, 20, 1)).1).collect();
        for events in runs {
            let answer = collect(&events);
            assert_eq!(answer.tokens, expected);
            assert!(answer.timings().cached_tokens >= 298);
        }
        let salted = ask(&engine, Request { salt: b"other".to_vec(), ..request(&tokens, 20, 1) });
        assert_eq!((salted.tokens, salted.end.expect("it ends").1.cached_tokens), (expected, 0));
    }
}

#[test]
fn kept_pages_give_way_when_room_is_needed() {
    for model in both() {
        // Ten pages: one answer of 600 tokens at a time, or several short ones.
        let page = models::Model::cache_shape(&model).page_bytes(options().cache_dtype) as u64;
        let options = EngineOptions { context: 640, cache_bytes: Some(10 * page), ..options() };
        let engine = Engine::start(Box::new(model.clone()), options).expect("it starts");
        let fresh = start(&model, false);
        let lengths = [500, 20, 100, 630, 70, 65, 300, 128, 600, 40, 64, 333];
        let requests: Vec<_> =
            (0..48).map(|i| request(&prompt(lengths[i % 12], i as u64 % 5), 9, i as u64)).collect();
        let runs: Vec<_> = requests.into_iter().map(|request| submit(&engine, request).1).collect();
        for (i, events) in runs.iter().enumerate() {
            let answer = collect(events);
            let expected = ask(&fresh, request(&prompt(lengths[i % 12], i as u64 % 5), 9, i as u64));
            assert_eq!(answer.tokens, expected.tokens, "request {i}");
            assert_eq!(answer.reason(), FinishReason::Length);
        }
        assert_eq!(engine.metrics().pages_used, 0);
    }
}

#[test]
fn a_cache_that_cannot_hold_one_answer_is_refused_with_both_numbers() {
    let options = EngineOptions { context: 1000, cache_bytes: Some(8_000), ..options() };
    let refused = Engine::start(Box::new(Fake::default()), options).err().expect("it is refused");
    assert_eq!(
        refused.to_string(),
        "start the engine: 1000 tokens need 8192 bytes of KV cache, 8000 are available"
    );
}

#[test]
fn an_unload_keeps_the_conversation() {
    for model in both() {
        let folder = tempfile::tempdir().expect("a folder");
        let spill = Spill { file: folder.path().join("pages"), model_hash: [1; 32], max_bytes: 1 << 20 };
        let start = |spill: Spill| {
            let options = EngineOptions { spill: Some(spill), ..options() };
            Engine::start(Box::new(model.clone()), options).expect("it starts")
        };
        let tokens = prompt(200, 3);
        let engine = start(spill.clone());
        assert_eq!(engine.restored().expect("there was nothing"), 0);
        let expected = ask(&engine, request(&tokens, 30, 1)).tokens;
        drop(engine);
        let engine = start(spill.clone());
        assert!(engine.restored().expect("it fits") >= 4);
        let answer = ask(&engine, request(&tokens, 30, 1));
        assert_eq!(answer.tokens, expected);
        assert!(answer.timings().cached_tokens >= 198);
        drop(engine);
        let other = start(Spill { model_hash: [2; 32], ..spill });
        assert!(other.restored().is_err());
        assert_eq!(ask(&other, request(&tokens, 30, 1)).tokens, expected);
    }
}

#[test]
fn images_share_pages_by_content_and_position() {
    let engine = start(&Fake::default(), true);
    let tokens = prompt(200, 3);
    let with = |name: u8, at: usize| {
        let span = EmbedSpan { start: at, values: vec![0.5; 100].into(), hash: [name; 32] };
        Request { embeds: vec![span], ..request(&tokens, 4, 1) }
    };
    let reused = |request: Request| ask(&engine, request).timings().cached_tokens;
    assert_eq!(reused(with(1, 70)), 0);
    assert!(reused(with(1, 70)) >= 199, "the same image at the same position");
    assert_eq!(reused(with(2, 70)), 70, "another image: only the tokens before it");
    assert_eq!(reused(with(1, 71)), 70, "the same image one position later");
    assert_eq!(reused(request(&tokens, 4, 1)), 71, "no image: the tokens before the last image");
}

#[test]
fn images_outside_the_prompt_are_refused() {
    let engine = start(&Fake::default(), true);
    let tokens = prompt(20, 3);
    let span =
        |at: usize, count: usize| EmbedSpan { start: at, values: vec![0.0; count].into(), hash: [0; 32] };
    for spans in [
        vec![span(15, 6)],
        vec![span(usize::MAX, 1)],
        vec![span(5, 4), span(8, 2)],
        vec![span(9, 2), span(2, 2)],
    ] {
        let request = Request { embeds: spans, ..request(&tokens, 4, 1) };
        let refused = engine.submit(request, Box::new(|_| ()));
        assert!(matches!(refused, Err(SubmitError::Embeds { .. })));
    }
}
