//! A token sampled from the most likely ones of a row is the token that the whole row gives. What a card
//! finds is made up here; that it finds it is a test of `cuda`.
use models::TOP_NATS;

use super::*;

/// What a card finds of a row.
fn top_row(logits: &[f32], temperature: f32) -> TopRow {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let least = largest - TOP_NATS * temperature;
    let tokens = (0..).zip(logits.iter().copied()).filter(|(_, logit)| *logit >= least).collect();
    let inverse = if temperature > 0.0 { 1.0 / temperature } else { 0.0 };
    let sum = logits.iter().map(|logit| f64::from((logit - largest) * inverse).exp()).sum();
    TopRow { tokens, sum }
}

/// A row of `vocab` logits, normal with this deviation.
fn row(seed: u64, vocab: usize, deviation: f32) -> Vec<f32> {
    let mut random = ChaCha12Rng::seed_from_u64(seed);
    let normal = |random: &mut ChaCha12Rng| {
        let (a, b) = (uniform(random).max(1e-300), uniform(random));
        ((-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()) as f32
    };
    (0..vocab).map(|_| deviation * normal(&mut random)).collect()
}

#[test]
fn the_most_likely_tokens_give_the_token_of_the_whole_row() {
    let cuts = [(0, 0.95, 0.0), (0, 1.0, 0.0), (40, 1.0, 0.0), (40, 0.8, 0.0), (0, 0.9, 0.1), (0, 1.0, 0.05)];
    let (mut sampled, mut whole) = (0, 0);
    for seed in 0..60 {
        for temperature in [0.0, 0.3, 0.6, 1.0] {
            for (top_k, top_p, min_p) in cuts {
                let sampling = Sampling { temperature, top_k, top_p, min_p, seed, ..Sampling::default() };
                let logits = row(seed, 3000, 4.0);
                let mut expected = Sampler::new(sampling.clone(), None, &[]);
                let mut sampler = Sampler::new(sampling, None, &[]);
                let top = top_row(&logits, temperature);
                for _ in 0..4 {
                    let expected = expected.sample(&logits).expect("there is no grammar").id;
                    match sampler.sample_top(&top) {
                        Some(token) => {
                            assert_eq!(token.id, expected, "{temperature} {top_k} {top_p} {min_p} {seed}");
                            sampled += 1;
                        }
                        // The random number was not used, so both go on alike.
                        None => {
                            let token = sampler.sample(&logits).expect("there is no grammar");
                            assert_eq!(token.id, expected);
                            whole += 1;
                        }
                    }
                }
            }
        }
    }
    assert!(sampled > 50 * whole, "{sampled} of the most likely tokens, {whole} of whole rows");
}

#[test]
fn a_flat_row_and_one_of_no_numbers_need_the_whole_row() {
    let sampling = Sampling { temperature: 0.5, top_p: 0.95, ..Sampling::default() };
    let mut sampler = Sampler::new(sampling, None, &[]);
    let few = TopRow { tokens: vec![(1, 2.0), (5, 1.9)], sum: 400.0 };
    assert!(sampler.sample_top(&few).is_none(), "95 of 100 are not among them");
    let nan = TopRow { tokens: vec![(1, 2.0)], sum: f64::NAN };
    assert!(sampler.sample_top(&nan).is_none());
}

#[test]
fn penalties_grammars_and_log_probabilities_need_the_whole_row() {
    let top = |sampling: Sampling| Sampler::new(sampling, None, &[]).top_temperature();
    assert_eq!(top(Sampling { temperature: 0.6, ..Sampling::default() }), Some(0.6));
    assert_eq!(top(Sampling { frequency_penalty: 0.1, ..Sampling::default() }), None);
    assert_eq!(top(Sampling { logprobs: Some(0), ..Sampling::default() }), None);
}
