//! Hours of random arrivals, lengths and cancellations on the Guide model: memory must not grow and no
//! request may hang. `SOAK_SECONDS=3600 cargo test -p engine --test soak -- --ignored --nocapture`
mod client;

use std::path::Path;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use client::submit;
use engine::{CancelHandle, Engine, EngineOptions, Event, FinishReason, Request, Sampling, Speculation};
use models::{CacheDtype, LoadOptions};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A request without an event for so long counts as stuck.
const STUCK: Duration = Duration::from_secs(120);
const MAX_OPEN: usize = 24;

struct Open {
    cancel: CancelHandle,
    events: Receiver<Event>,
    last_event: Instant,
    /// Tokens after which it is cancelled.
    cancel_after: Option<usize>,
    tokens: usize,
}

/// Resident bytes of this process.
fn resident() -> u64 {
    hardware::resident(std::process::id()).expect("Linux has it")
}

#[test]
#[ignore = "takes as long as SOAK_SECONDS says"]
fn memory_stays_and_every_request_is_served() {
    let seconds = std::env::var("SOAK_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(60);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/guide-model");
    let checkpoint = checkpoint::open(&folder).expect("the Guide is there");
    let model = models::load(&checkpoint, &LoadOptions::default(), &mut |_, _| {}).expect("it loads");
    let vocab = model.vocab_size() as u64;
    let page = model.cache_shape().page_bytes(CacheDtype::Fp8) as u64;
    let options = EngineOptions {
        context: 1024,
        max_sequences: 8,
        prefill_chunk: 128,
        cache_dtype: CacheDtype::Fp8,
        // Three full contexts for eight sequences, so that requests wait for pages and cached pages are
        // evicted.
        cache_bytes: Some(48 * page),
        speculation: Speculation::Auto { max_drafts: 3 },
        ..EngineOptions::default()
    };
    let engine = Engine::start(model, options).expect("it starts");
    let mut random = ChaCha12Rng::seed_from_u64(5);
    let mut below = |max: u64| random.next_u64() % max;
    let (start, end) = (Instant::now(), Duration::from_secs(seconds));
    let (mut open, mut submitted, mut ends): (Vec<Open>, u64, [u64; 4]) = (Vec::new(), 0, [0; 4]);
    let (mut settled, mut highest) = (None, 0);
    while start.elapsed() < end || !open.is_empty() {
        if start.elapsed() < end && open.len() < MAX_OPEN && below(4) == 0 {
            // Many requests share one of a few prefixes.
            let (topic, length) = (below(6), if below(5) == 0 { below(900) } else { below(150) } as usize);
            let mut tokens: Vec<u32> =
                (0..=length as u64).map(|i| 10 + ((i * 37 + topic) % (vocab - 10)) as u32).collect();
            tokens.extend((0..below(9)).map(|_| 10 + below(vocab - 10) as u32));
            let sampling =
                Sampling { temperature: below(3) as f32 * 0.5, seed: below(99), ..Sampling::default() };
            let max_tokens = (below(8) != 0).then(|| below(200) as usize);
            let stop_tokens = if below(2) == 0 { vec![1] } else { Vec::new() };
            let request = Request { tokens, sampling, max_tokens, stop_tokens, ..Request::default() };
            let (cancel, events) = submit(&engine, request);
            let cancel_after = (below(4) == 0).then(|| below(40) as usize);
            open.push(Open { cancel, events, last_event: Instant::now(), cancel_after, tokens: 0 });
            submitted += 1;
        }
        open.retain_mut(|one| {
            if one.cancel_after.is_some_and(|after| one.tokens >= after) {
                one.cancel.cancel();
            }
            for event in one.events.try_iter() {
                one.last_event = Instant::now();
                match event {
                    Event::Prefill(_) => {}
                    Event::Token { .. } => one.tokens += 1,
                    Event::Finished { reason, .. } => {
                        let kinds = [FinishReason::Stop, FinishReason::Length, FinishReason::ContextFull];
                        ends[kinds.iter().position(|kind| *kind == reason).unwrap_or(3)] += 1;
                        return false;
                    }
                    Event::Failed(error) => panic!("{error}"),
                }
            }
            assert!(one.last_event.elapsed() < STUCK, "a request is stuck: {:?}", engine.metrics());
            true
        });
        std::thread::sleep(Duration::from_millis(5));
        // All one-time allocations are done by then.
        if settled.is_none() && start.elapsed() > end / 10 {
            settled = Some(resident());
            println!("settled at {} KiB after {} requests", resident() / 1024, submitted);
        }
        highest = highest.max(resident());
    }
    let metrics = engine.metrics();
    let (first, last) = (settled.expect("a tenth of the time passed"), resident());
    println!("{submitted} requests in {:?}: stop, length, full, cancelled {ends:?}", start.elapsed());
    println!("resident {} KiB, then {} KiB, at most {} KiB", first / 1024, last / 1024, highest / 1024);
    println!("{metrics:?}");
    assert_eq!((metrics.pages_used, metrics.running, metrics.waiting), (0, 0, 0));
    assert_eq!(ends.iter().sum::<u64>(), submitted);
    assert!(last < first + (16 << 20), "resident memory grew from {first} to {last}");
}
