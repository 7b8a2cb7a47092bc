//! `whaledeck-engine bench`: how fast prompts are read and answers written, how soon a pass that is called off ends, how
//! long pictures take, and the memory that was foreseen beside what was taken, as JSON, for a file or a shape.
mod pictures;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use models::{CacheDtype, OutputRequest};
use serde_json::{Value, json};

use crate::args::{Bench, cache_dtype};
use crate::memory::{peak, resident};
use crate::plan::{Plan, Use};
use crate::subject::{CHUNK, Run, tokens};

/// Passes that are called off, each at another moment.
const CANCELS: u32 = 8;

pub fn bench(args: &Bench) -> ExitCode {
    crate::report(measure(args))
}

fn measure(args: &Bench) -> Result<Value, String> {
    let before = resident();
    let start = Instant::now();
    let checkpoint = args.subject.open()?;
    let model = args.subject.load(&checkpoint)?;
    let load_seconds = start.elapsed().as_secs_f64();

    let room = (args.prompt + args.tokens + 1).max(pictures::most_tokens(&checkpoint.config));
    let cache = args.cache_dtype.map_or(CacheDtype::Bf16, cache_dtype);
    let how = Use { context: room, sequences: 1, cache, chunk: CHUNK };
    let plan =
        Plan::new(&checkpoint.config, &*checkpoint.weights, &how).map_err(|error| error.to_string())?;
    let mut run = Run::new(&*model, room, cache)?;
    // The first pass maps files and fills caches of the processor; it is not what a conversation feels.
    run.read(&[0], OutputRequest::Last)?;
    run.past = 0;

    let prompt = tokens(args.prompt, model.vocab_size());
    let start = Instant::now();
    let mut logits = Vec::new();
    for chunk in prompt.chunks(CHUNK) {
        logits = run.read(chunk, OutputRequest::Last)?.logits;
    }
    let prefill = start.elapsed().as_secs_f64();
    let start = Instant::now();
    for _ in 0..args.tokens {
        logits = run.read(&[likeliest(&logits)], OutputRequest::Last)?.logits;
    }
    let decode = start.elapsed().as_secs_f64();
    let pictures = pictures::pictures(&mut run, &checkpoint.config)?;
    let (after, peak) = (resident(), peak());
    let foreseen = before.map(|before| before + plan.total());
    Ok(json!({
        "family": checkpoint.config.architecture(),
        "weights_bytes": model.ledger().weights(),
        "formats": model.ledger().formats().map(|(name, bytes)| (name.to_owned(), json!(bytes))).collect::<serde_json::Map<_, _>>(),
        "cache_bytes": run.kv.bytes(),
        "memory": {
            "plan": plan.json(), "before": before, "predicted": foreseen, "resident": after, "peak": peak,
            "peak_over_predicted": peak.zip(foreseen).map(|(peak, foreseen)| peak as f64 / foreseen as f64),
        },
        "threads": std::thread::available_parallelism().map_or(1, usize::from),
        "load_seconds": load_seconds,
        "prefill": {"tokens": args.prompt, "seconds": prefill, "tokens_per_second": args.prompt as f64 / prefill},
        "decode": {"tokens": args.tokens, "seconds": decode, "tokens_per_second": args.tokens as f64 / decode},
        "pictures": pictures,
        "cancel_ms": cancel(&mut run, &prompt)?,
    }))
}

/// How long a pass over the last chunk of the prompt goes on after it was called off, for moments spread over it.
fn cancel(run: &mut Run, prompt: &[u32]) -> Result<Value, String> {
    let Some(chunk) = prompt.chunks(CHUNK).last() else { return Ok(Value::Null) };
    run.past = prompt.len() - chunk.len();
    let start = Instant::now();
    run.try_read(chunk, OutputRequest::Last, &|| false).map_err(|error| format!("measure: {error}"))?;
    let whole = start.elapsed();
    let mut late: Vec<f64> = Vec::new();
    for moment in 1..=CANCELS {
        let from = whole * moment / (CANCELS + 2);
        let start = Instant::now();
        let ended = run.try_read(chunk, OutputRequest::Last, &|| start.elapsed() >= from);
        // One that was through before its moment says nothing.
        if ended.is_err() {
            late.push(start.elapsed().saturating_sub(from).max(Duration::ZERO).as_secs_f64() * 1e3);
        }
    }
    let worst = late.iter().copied().fold(0.0, f64::max);
    let mean = late.iter().sum::<f64>() / late.len().max(1) as f64;
    Ok(json!({"passes": late.len(), "mean": mean, "worst": worst}))
}

fn likeliest(logits: &[f32]) -> u32 {
    let best = logits.iter().enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b));
    best.map_or(0, |(at, _)| at as u32)
}
