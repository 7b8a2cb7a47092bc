//! The Guide model in the engine with drafts, cached prefixes or an FP8 cache, each against a plain engine.
//! Rounds alternate, so that other load affects both; the ratios are of the best rounds.
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;

use engine::{Engine, EngineOptions, Event, Request, Sampling, Speculation, Timings};
use models::{CacheDtype, LoadOptions};
use tokenizers::Tokenizer;

const ROUNDS: usize = 5;
const ANSWER: usize = 160;

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/guide-model");
    let tokenizer = Tokenizer::from_file(folder.join("tokenizer.json")).expect("the tokenizer loads");
    let start = |options: EngineOptions| {
        let checkpoint = checkpoint::open(&folder).expect("the Guide is there");
        let model = models::load(&checkpoint, &LoadOptions::default(), &mut |_, _| {}).expect("it loads");
        Engine::start(model, EngineOptions { context: 2048, ..options }).expect("it starts")
    };
    let plain =
        EngineOptions { speculation: Speculation::Off, prefix_caching: false, ..EngineOptions::default() };
    let drafting = |speculation| EngineOptions { speculation, ..plain.clone() };
    let question = "<｜begin▁of▁sentence｜><｜User｜>How do I pause a download?<｜Assistant｜>";
    let question = tokenizer.encode(question, false).expect("it encodes").get_ids().to_vec();
    let long: Vec<u32> = (0..1500u32).map(|i| 10 + (i * 37) % 2000).collect();

    let decode = |timings: &Timings| timings.decode.as_secs_f64() / (timings.completion_tokens - 1) as f64;
    let first = |timings: &Timings| timings.first_token.as_secs_f64();
    let base = start(plain.clone());
    for max_drafts in [1, 2, 3] {
        let quick = start(drafting(Speculation::Always { max_drafts }));
        let (a, b, last) = pair(&base, &quick, &question, ANSWER, decode);
        report(&format!("decode, {max_drafts} drafts a step"), a, b);
        println!("    offered {:?}, accepted {:?}", last.drafts.offered, last.drafts.accepted);
    }
    let auto = start(drafting(Speculation::Auto { max_drafts: 3 }));
    let (a, b, last) = pair(&base, &auto, &question, ANSWER, decode);
    report("decode, drafts while they pay", a, b);
    println!("    switched off {} times", last.drafts.pauses.len());
    let keeping = start(EngineOptions { prefix_caching: true, ..plain.clone() });
    ask(&keeping, &long, 2);
    let (a, b, last) = pair(&base, &keeping, &long, 2, first);
    report("first token of 1500, cached pages", a, b);
    println!("    {} tokens reused", last.cached_tokens);
    let small = start(EngineOptions { cache_dtype: CacheDtype::Fp8, ..plain.clone() });
    let (a, b, _) = pair(&base, &small, &long, 100, decode);
    report("decode after 1500, FP8 cache against bf16", a, b);
    println!("    cache {} and {} bytes", base.metrics().cache_bytes, small.metrics().cache_bytes);
}

/// The best time of each engine, and the second one's last timings.
fn pair(
    a: &Engine,
    b: &Engine,
    prompt: &[u32],
    answer: usize,
    figure: impl Fn(&Timings) -> f64,
) -> (f64, f64, Timings) {
    let mut best = (f64::INFINITY, f64::INFINITY);
    let mut last = Timings::default();
    for _ in 0..ROUNDS {
        best.0 = figure(&ask(a, prompt, answer)).min(best.0);
        last = ask(b, prompt, answer);
        best.1 = figure(&last).min(best.1);
    }
    (best.0, best.1, last)
}

fn report(name: &str, plain: f64, quick: f64) {
    let ms = |seconds: f64| Duration::from_secs_f64(seconds).as_secs_f64() * 1e3;
    println!("{name}: {:.3} ms against {:.3} ms, ratio {:.2}", ms(quick), ms(plain), plain / quick);
}

/// Greedy, without stop tokens.
fn ask(engine: &Engine, prompt: &[u32], answer: usize) -> Timings {
    let sampling = Sampling { temperature: 0.0, ..Sampling::default() };
    let request =
        Request { tokens: prompt.to_vec(), sampling, max_tokens: Some(answer), ..Request::default() };
    let (sender, events) = channel();
    engine.submit(request, Box::new(move |event| drop(sender.send(event)))).expect("it is taken");
    let end = events.iter().find_map(|event| match event {
        Event::Finished { timings, .. } => Some(timings),
        Event::Failed(error) => panic!("{error}"),
        Event::Prefill(_) | Event::Token { .. } => None,
    });
    end.expect("an end comes")
}
