//! `whaledeck-engine bench`: the speed of prefill and decode, how soon a cancelled pass ends, how long images
//! take, and the memory budget beside what was used, as JSON, for a file or a shape with random weights.
pub mod cache_quality;
mod images;
mod operations;
mod target;

use std::collections::BTreeMap;
use std::io;
use std::process::{self, ExitCode};
use std::time::{Duration, Instant};

use checkpoint::memory::{BudgetParams, BudgetReport, weight_dtype};
use engine::{Sampler, Sampling};
use hardware::{peak_resident, resident};
use models::{CacheDtype, Logits, OutputRequest, Place};
use serde::Serialize;

use self::images::ImageReport;
use self::operations::PassOperations;
use self::target::{BenchSequence, tokens};
use crate::args::{Bench, cache_dtype};
use crate::card_budget::memory_budget;

/// Cancelled passes, each at another moment.
const CANCELS: u32 = 8;

pub fn bench(args: &Bench) -> io::Result<ExitCode> {
    crate::output::print_report(measure(args))
}

/// What is printed; times in seconds unless named otherwise, sizes in bytes.
#[derive(Debug, Serialize)]
struct Report {
    family: String,
    weights_bytes: u64,
    /// By storage type.
    formats: BTreeMap<String, u64>,
    cache_bytes: u64,
    memory: Memory,
    threads: usize,
    load_seconds: f64,
    prefill: Speed,
    decode: Speed,
    /// Kernels that a card runs for a token of the decode.
    launches: Option<f64>,
    sampling: SamplingReport,
    #[serde(rename = "pictures")]
    images: Option<Vec<ImageReport>>,
    cancel_ms: Option<CancelLatency>,
    operations: Option<PassOperations>,
}

#[derive(Debug, Serialize)]
struct Memory {
    #[serde(rename = "plan")]
    budget: BudgetReport,
    before: Option<u64>,
    predicted: Option<u64>,
    resident: Option<u64>,
    peak: Option<u64>,
    peak_over_predicted: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Speed {
    tokens: usize,
    seconds: f64,
    tokens_per_second: f64,
}

/// How the tokens of the decode were sampled.
#[derive(Debug, Serialize)]
struct SamplingReport {
    temperature: f32,
    top_p: f32,
    /// Part of the decode.
    seconds: f64,
}

/// How long cancelled passes ran on, in milliseconds.
#[derive(Debug, Serialize)]
struct CancelLatency {
    passes: usize,
    mean: f64,
    worst: f64,
}

impl Speed {
    fn new(tokens: usize, seconds: f64) -> Self {
        Self { tokens, seconds, tokens_per_second: tokens as f64 / seconds }
    }
}

fn measure(args: &Bench) -> Result<Report, String> {
    let before = resident(process::id());
    let start = Instant::now();
    let checkpoint = args.target.open()?;
    let model = args.target.load(&checkpoint)?;
    let load_seconds = start.elapsed().as_secs_f64();

    let capacity = (args.prompt + args.tokens + 1).max(images::max_tokens(&checkpoint.config));
    let cache = args.cache_dtype.map_or(CacheDtype::Bf16, cache_dtype);
    let chunk = args.target.chunk();
    let threads = rayon::current_num_threads();
    let params = BudgetParams { context: capacity, sequences: 1, cache, chunk, threads };
    let requantize = args.target.shrink.map(weight_dtype);
    let on_card = !model.place().is_host();
    let budget = memory_budget(&checkpoint.config, &*checkpoint.weights, &params, requantize, on_card);
    let budget = budget.map_err(|error| error.to_string())?;
    let mut sequence = BenchSequence::new(&*model, capacity, cache)?;
    // The first pass maps files and warms up caches, so it is not measured.
    sequence.forward(&[0], OutputRequest::Last)?;
    sequence.past = 0;

    let prompt = tokens(args.prompt, model.vocab_size());
    let start = Instant::now();
    // Without a prompt every token is equally likely.
    let mut logits = Logits::from(vec![0.0; model.vocab_size()]);
    for chunk in prompt.chunks(chunk) {
        logits = sequence.forward(chunk, OutputRequest::Last)?.logits;
    }
    let prefill = start.elapsed().as_secs_f64();
    let Bench { temperature, top_p, .. } = *args;
    let mut sampler = Sampler::new(Sampling { temperature, top_p, ..Sampling::default() }, None, &prompt);
    let launches = || match model.place() {
        Place::Card(memory) => Some(memory.card().launches()),
        Place::Host => None,
    };
    let launched_before = launches();
    let (start, mut sampling) = (Instant::now(), Duration::ZERO);
    for _ in 0..args.tokens {
        let before = Instant::now();
        let sampled = sampler.sample_row(&logits).map_err(|error| format!("measure: {error}"))?;
        let sampled = sampled.expect("there is no grammar");
        sampling += before.elapsed();
        logits = sequence.decode(sampled.id, temperature)?.logits;
    }
    let decode = start.elapsed().as_secs_f64();
    let launched = launches().zip(launched_before).map(|(after, before)| after - before);
    let images = images::measure(&mut sequence, &checkpoint.config)?;
    let (after, peak) = (resident(process::id()), peak_resident(process::id()));
    // Nothing is served and no tokenizer is opened.
    let predicted = before.map(|before| before + budget.host - budget.runtime);
    Ok(Report {
        family: checkpoint.config.architecture().to_owned(),
        weights_bytes: model.ledger().weights(),
        formats: model.ledger().formats().map(|(name, bytes)| (name.to_owned(), bytes)).collect(),
        cache_bytes: sequence.kv.bytes(),
        memory: Memory {
            budget: budget.report(),
            before,
            predicted,
            resident: after,
            peak,
            peak_over_predicted: peak.zip(predicted).map(|(peak, predicted)| peak as f64 / predicted as f64),
        },
        threads: rayon::current_num_threads(),
        load_seconds,
        prefill: Speed::new(args.prompt, prefill),
        decode: Speed::new(args.tokens, decode),
        launches: launched.map(|launched| launched as f64 / args.tokens as f64),
        sampling: SamplingReport { temperature, top_p, seconds: sampling.as_secs_f64() },
        images,
        cancel_ms: cancel(&mut sequence, &prompt, chunk)?,
        operations: match args.operations {
            true => Some(PassOperations::measure(&mut sequence, &prompt, chunk, args.tokens)?),
            false => None,
        },
    })
}

/// How long a pass over the last chunk of the prompt runs on after it was cancelled, at moments spread over
/// it.
fn cancel(
    sequence: &mut BenchSequence,
    prompt: &[u32],
    chunk: usize,
) -> Result<Option<CancelLatency>, String> {
    let Some(chunk) = prompt.chunks(chunk).last() else { return Ok(None) };
    sequence.past = prompt.len() - chunk.len();
    let start = Instant::now();
    sequence
        .try_forward(chunk, OutputRequest::Last, &|| false)
        .map_err(|error| format!("measure: {error}"))?;
    let full = start.elapsed();
    let mut late: Vec<f64> = Vec::new();
    for moment in 1..=CANCELS {
        let from = full * moment / (CANCELS + 2);
        let start = Instant::now();
        let ended = sequence.try_forward(chunk, OutputRequest::Last, &|| start.elapsed() >= from);
        // A pass that finished before its moment was not cancelled.
        if ended.is_err() {
            late.push(start.elapsed().saturating_sub(from).max(Duration::ZERO).as_secs_f64() * 1e3);
        }
    }
    let worst = late.iter().copied().fold(0.0, f64::max);
    let mean = late.iter().sum::<f64>() / late.len().max(1) as f64;
    Ok(Some(CancelLatency { passes: late.len(), mean, worst }))
}
