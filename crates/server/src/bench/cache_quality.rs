//! `whaledeck-engine cache-quality`: the same tokens through a bf16 and an FP8 cache, and the distance of the
//! two distributions of the next token at every position: KL(bf16 || FP8) in nats, and how often the most
//! probable token agrees.
use std::io;
use std::process::ExitCode;

use checkpoint::Checkpoint;
use checkpoint::memory::HOST_CHUNK;
use models::{CacheDtype, OutputRequest};
use rayon::prelude::*;
use serde::Serialize;
use text::Tokenizer;

use super::target::{BenchSequence, tokens};
use crate::args::CacheQuality;

pub fn cache_quality(args: &CacheQuality) -> io::Result<ExitCode> {
    crate::output::print_report(measure(args))
}

#[derive(Debug, Serialize)]
struct Report {
    family: String,
    text: bool,
    cache_bytes: CacheBytes,
    lengths: Vec<DivergenceReport>,
}

#[derive(Debug, Serialize)]
struct CacheBytes {
    bf16: u64,
    fp8: u64,
}

#[derive(Debug, Serialize)]
struct DivergenceReport {
    tokens: usize,
    mean_kl: f64,
    largest_kl: f64,
    same_first_token: f64,
}

fn measure(args: &CacheQuality) -> Result<Report, String> {
    let checkpoint = args.target.open()?;
    let model = args.target.load(&checkpoint)?;
    let vocab = model.vocab_size();
    let prompt = match &args.text {
        Some(path) => read(&checkpoint, path, args.prompt)?,
        None => tokens(args.prompt, vocab),
    };
    let mut exact = BenchSequence::new(&*model, prompt.len(), CacheDtype::Bf16)?;
    let mut coded = BenchSequence::new(&*model, prompt.len(), CacheDtype::Fp8)?;
    let (mut divergence, mut lengths) = (Divergence::default(), Vec::new());
    for chunk in prompt.chunks(HOST_CHUNK) {
        let (exact, coded) = (
            exact.forward(chunk, OutputRequest::All)?.logits,
            coded.forward(chunk, OutputRequest::All)?.logits,
        );
        divergence.add(&exact, &coded, vocab);
        if divergence.positions.is_power_of_two() || divergence.positions == prompt.len() {
            lengths.push(divergence.report());
        }
    }
    Ok(Report {
        family: checkpoint.config.architecture().to_owned(),
        text: args.text.is_some(),
        cache_bytes: CacheBytes { bf16: exact.kv.bytes(), fp8: coded.kv.bytes() },
        lengths,
    })
}

/// The text's tokens, again and again until there are `count`.
fn read(checkpoint: &Checkpoint, path: &std::path::Path, count: usize) -> Result<Vec<u32>, String> {
    let tokenizer = Tokenizer::open(&checkpoint.tokenizer).map_err(|error| error.to_string())?;
    let text = std::fs::read_to_string(path).map_err(|error| format!("read {}: {error}", path.display()))?;
    let once = tokenizer.encode(&text).map_err(|error| error.to_string())?;
    if once.is_empty() {
        return Err(format!("read {}: it has no tokens", path.display()));
    }
    Ok(once.into_iter().cycle().take(count).collect())
}

#[derive(Default)]
struct Divergence {
    kl: f64,
    largest: f64,
    same: usize,
    positions: usize,
}

impl Divergence {
    /// `exact` and `coded` [positions, vocab].
    fn add(&mut self, exact: &[f32], coded: &[f32], vocab: usize) {
        let positions = exact.par_chunks_exact(vocab).zip(coded.par_chunks_exact(vocab));
        let positions: Vec<(f64, bool)> =
            positions.map(|(p, q)| (kl(p, q), argmax(p) == argmax(q))).collect();
        for (kl, same) in positions {
            self.kl += kl;
            self.largest = self.largest.max(kl);
            self.same += usize::from(same);
            self.positions += 1;
        }
    }

    fn report(&self) -> DivergenceReport {
        let positions = self.positions as f64;
        DivergenceReport {
            tokens: self.positions,
            mean_kl: self.kl / positions,
            largest_kl: self.largest,
            same_first_token: self.same as f64 / positions,
        }
    }
}

/// KL(p || q) in nats of two rows of logits.
fn kl(p: &[f32], q: &[f32]) -> f64 {
    let log_sum = |logits: &[f32]| {
        let largest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        largest + logits.iter().map(|&x| (f64::from(x) - largest).exp()).sum::<f64>().ln()
    };
    let (log_p, log_q) = (log_sum(p), log_sum(q));
    let terms = p.iter().zip(q).map(|(&p, &q)| {
        let (p, q) = (f64::from(p) - log_p, f64::from(q) - log_q);
        p.exp() * (p - q)
    });
    terms.sum::<f64>().max(0.0)
}

fn argmax(logits: &[f32]) -> usize {
    logits.iter().enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b)).map_or(0, |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_divergence_is_the_definition_and_does_not_see_a_constant() {
        let (p, q): ([f32; 2], [f32; 2]) = ([0.0, 3.0f32.ln()], [0.0, 0.0]);
        let by_hand = 0.25 * (0.25f64 / 0.5).ln() + 0.75 * (0.75f64 / 0.5).ln();
        assert!((kl(&p, &q) - by_hand).abs() < 1e-7);
        assert!(kl(&p, &p.map(|x| x + 5.0)) < 1e-7);
        let mut divergence = Divergence::default();
        divergence.add(&[p, p].concat(), &[q, p].concat(), 2);
        assert_eq!(
            (divergence.positions, divergence.same),
            (2, 2),
            "ties go to the last place on both sides"
        );
        assert!((divergence.kl - by_hand).abs() < 1e-6 && (divergence.largest - by_hand).abs() < 1e-6);
    }
}
