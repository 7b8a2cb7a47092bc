//! `whaledeck-engine cache-quality`: the same tokens read with a bf16 and an FP8 cache, and how far apart the two
//! distributions of the next token are at every place: KL(bf16 || FP8) in nats, and how often both name the same token.
use std::process::ExitCode;

use checkpoint::Checkpoint;
use models::{CacheDtype, OutputRequest};
use rayon::prelude::*;
use serde_json::{Value, json};
use text::Tokenizer;

use crate::args::CacheQuality;
use crate::subject::{CHUNK, Run, tokens};

pub fn cache_quality(args: &CacheQuality) -> ExitCode {
    crate::report(measure(args))
}

fn measure(args: &CacheQuality) -> Result<Value, String> {
    let checkpoint = args.subject.open()?;
    let model = args.subject.load(&checkpoint)?;
    let vocab = model.vocab_size();
    let prompt = match &args.text {
        Some(path) => read(&checkpoint, path, args.prompt)?,
        None => tokens(args.prompt, vocab),
    };
    let mut exact = Run::new(&*model, prompt.len(), CacheDtype::Bf16)?;
    let mut coded = Run::new(&*model, prompt.len(), CacheDtype::Fp8)?;
    let (mut apart, mut lengths) = (Apart::default(), Vec::new());
    for chunk in prompt.chunks(CHUNK) {
        let (exact, coded) =
            (exact.read(chunk, OutputRequest::All)?.logits, coded.read(chunk, OutputRequest::All)?.logits);
        apart.add(&exact, &coded, vocab);
        if apart.places.is_power_of_two() || apart.places == prompt.len() {
            lengths.push(apart.json());
        }
    }
    Ok(json!({
        "family": checkpoint.config.architecture(), "text": args.text.is_some(),
        "cache_bytes": {"bf16": exact.kv.bytes(), "fp8": coded.kv.bytes()}, "lengths": lengths,
    }))
}

/// The text's tokens, again and again until there are `count`.
fn read(checkpoint: &Checkpoint, path: &std::path::Path, count: usize) -> Result<Vec<u32>, String> {
    let tokenizer = Tokenizer::open(&checkpoint.tokenizer).map_err(|error| error.to_string())?;
    let text = std::fs::read_to_string(path).map_err(|error| format!("read {}: {error}", path.display()))?;
    let once = tokenizer.encode(&text).map_err(|error| error.to_string())?;
    if once.is_empty() {
        return Err(format!("read {}: it holds no token", path.display()));
    }
    Ok(once.into_iter().cycle().take(count).collect())
}

#[derive(Default)]
struct Apart {
    kl: f64,
    largest: f64,
    same: usize,
    places: usize,
}

impl Apart {
    /// `exact` and `coded` [places, vocab].
    fn add(&mut self, exact: &[f32], coded: &[f32], vocab: usize) {
        let places = exact.par_chunks_exact(vocab).zip(coded.par_chunks_exact(vocab));
        let places: Vec<(f64, bool)> =
            places.map(|(p, q)| (divergence(p, q), first(p) == first(q))).collect();
        for (kl, same) in places {
            self.kl += kl;
            self.largest = self.largest.max(kl);
            self.same += usize::from(same);
            self.places += 1;
        }
    }

    fn json(&self) -> Value {
        let places = self.places as f64;
        json!({
            "tokens": self.places, "mean_kl": self.kl / places, "largest_kl": self.largest,
            "same_first_token": self.same as f64 / places,
        })
    }
}

/// KL(p || q) in nats of two rows of logits.
fn divergence(p: &[f32], q: &[f32]) -> f64 {
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

fn first(logits: &[f32]) -> usize {
    logits.iter().enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b)).map_or(0, |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_divergence_is_the_definition_and_does_not_see_a_constant() {
        let (p, q): ([f32; 2], [f32; 2]) = ([0.0, 3.0f32.ln()], [0.0, 0.0]);
        let by_hand = 0.25 * (0.25f64 / 0.5).ln() + 0.75 * (0.75f64 / 0.5).ln();
        assert!((divergence(&p, &q) - by_hand).abs() < 1e-7);
        assert!(divergence(&p, &p.map(|x| x + 5.0)) < 1e-7);
        let mut apart = Apart::default();
        apart.add(&[p, p].concat(), &[q, p].concat(), 2);
        assert_eq!((apart.places, apart.same), (2, 2), "ties go to the last place on both sides");
        assert!((apart.kl - by_hand).abs() < 1e-6 && (apart.largest - by_hand).abs() < 1e-6);
    }
}
