//! One token from a row of logits: the sampler against a sort of the whole vocabulary, which gives the same
//! token. Rounds alternate, so that other load affects both; the ratios are of the best rounds.
use std::time::Instant;

use engine::{Sampler, Sampling};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

#[path = "../src/sampler/distribution.rs"]
mod distribution;
#[expect(dead_code, reason = "the sampler's tests use the rest of it")]
#[path = "../src/sampler/reference.rs"]
mod reference;

const ROUNDS: usize = 60;

fn main() {
    for peaks in [200, 0] {
        println!("Normal logits of deviation 2.5, {peaks} of them raised to at most 16:");
        for vocab in [32_000, 102_400, 129_280, 151_936] {
            for (temperature, top_p) in [(0.6, 0.95), (1.0, 1.0)] {
                compare(&row(vocab, peaks), Sampling { temperature, top_p, ..Sampling::default() });
            }
        }
    }
}

fn compare(logits: &[f32], sampling: Sampling) {
    let Sampling { temperature, top_p, top_k, min_p, seed, .. } = sampling;
    let mut random = ChaCha12Rng::seed_from_u64(seed);
    let mut sampler = Sampler::new(sampling, None, &[]);
    let (mut sorting, mut selecting) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..ROUNDS {
        let uniform = uniform(&mut random);
        let cuts = (temperature, top_k, top_p, min_p);
        let start = Instant::now();
        let expected = reference::multinomial(logits, cuts, uniform);
        sorting = start.elapsed().as_secs_f64().min(sorting);
        let start = Instant::now();
        let sampled = sampler.sample(logits).expect("there is no grammar").id;
        selecting = start.elapsed().as_secs_f64().min(selecting);
        assert_eq!(sampled, expected);
    }
    let (vocab, ratio) = (logits.len(), sorting / selecting);
    let (sorting, selecting) = (sorting * 1e3, selecting * 1e3);
    println!(
        "    {vocab} words, temperature {temperature}, top_p {top_p}: {selecting:.3} ms against {sorting:.3} ms, \
         ratio {ratio:.1}"
    );
}

fn row(vocab: usize, peaks: usize) -> Vec<f32> {
    let mut random = ChaCha12Rng::seed_from_u64(1);
    // Box and Muller's transform.
    let mut normal = |deviation: f64| {
        let radius = (-2.0 * (1.0 - uniform(&mut random)).ln()).sqrt();
        (deviation * radius * (std::f64::consts::TAU * uniform(&mut random)).cos()) as f32
    };
    let mut logits: Vec<f32> = (0..vocab).map(|_| normal(2.5)).collect();
    for rank in 0..peaks {
        logits[rank * 7919 % vocab] = 16.0 - 2.0 * (rank as f32 + 1.0).ln() + normal(0.5);
    }
    logits
}

fn uniform(random: &mut ChaCha12Rng) -> f64 {
    (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}
