//! The sampler against its reference and against probabilities worked out by hand; draws are counted with a
//! fixed seed. What follows the whole vocabulary is in `equals_reference`.
use proptest::prelude::*;

use super::*;

mod equals_reference;
mod from_top;

fn ids(list: &[(u32, f32)]) -> Vec<u32> {
    list.iter().map(|(id, _)| *id).collect()
}

#[test]
fn each_cut_keeps_what_it_says() {
    let list = vec![(7, 0.5), (3, 0.3), (1, 0.15), (0, 0.05)];
    let check = |k, p, m, expect: &[u32]| assert_eq!(ids(&filter(list.clone(), k, p, m)), expect);
    check(0, 1.0, 0.0, &[7, 3, 1, 0]);
    check(2, 1.0, 0.0, &[7, 3]);
    check(0, 0.6, 0.0, &[7, 3]);
    check(0, 0.0, 0.0, &[7]);
    check(0, 1.0, 0.4, &[7, 3]);
    check(1, 0.1, 1.0, &[7]);
}

#[test]
fn greedy_takes_the_first_of_equals_and_penalties_move_it() {
    let sampling = Sampling { temperature: 0.0, frequency_penalty: 1.0, ..Sampling::default() };
    let mut sampler = Sampler::new(sampling, None, &[]);
    let sampled: Vec<u32> = (0..4).map(|_| sampler.sample(&[1.0, 2.0, 2.0]).expect("free").id).collect();
    assert_eq!(sampled, [1, 2, 0, 1]);
}

fn sample(sampling: Sampling, logits: &[f32]) -> u32 {
    Sampler::new(sampling, None, &[0]).sample(logits).expect("free").id
}

#[test]
fn repetition_counts_the_prompt_and_the_others_do_not() {
    let repetition = Sampling { temperature: 0.0, repetition_penalty: 2.0, ..Sampling::default() };
    assert_eq!(sample(repetition, &[1.5, 1.0]), 1);
    let presence = Sampling { temperature: 0.0, presence_penalty: 2.0, ..Sampling::default() };
    assert_eq!(sample(presence, &[1.5, 1.0]), 0);
}

#[test]
fn logprobs_are_those_of_the_model() {
    let sampling = Sampling { temperature: 0.0, logprobs: Some(2), ..Sampling::default() };
    let sampled = Sampler::new(sampling, None, &[]).sample(&[0.0, (3.0f32).ln()]).expect("free");
    assert!((sampled.logprob.expect("it was requested") - (0.75f32).ln()).abs() < 1e-6);
    assert_eq!(sampled.alternatives.iter().map(|a| a.id).collect::<Vec<_>>(), [1, 0]);
}

/// Pearson's statistic over 20,000 samples; 16.27 is the 0.1 % point at three degrees of freedom.
#[test]
fn draws_follow_the_distribution_and_a_seed_repeats_them() {
    let logits: Vec<f32> = [0.4f32, 0.3, 0.2, 0.1].iter().map(|p| p.ln()).collect();
    let sample = |seed| {
        let mut sampler = Sampler::new(Sampling { seed, ..Sampling::default() }, None, &[]);
        (0..20_000).map(|_| sampler.sample(&logits).expect("free").id).collect::<Vec<_>>()
    };
    let sampled = sample(7);
    let statistic: f64 = [0.4, 0.3, 0.2, 0.1]
        .iter()
        .enumerate()
        .map(|(id, p)| {
            let (seen, due) = (sampled.iter().filter(|d| **d == id as u32).count() as f64, p * 20_000.0);
            (seen - due).powi(2) / due
        })
        .sum();
    assert!(statistic < 16.27, "{statistic}");
    assert_eq!(sampled, sample(7));
    assert_ne!(sampled, sample(8));
}

proptest! {
    #[test]
    fn any_parameters_give_a_token_of_the_vocabulary(
        logits in proptest::collection::vec(-30f32..30.0, 1..40),
        temperature in 0f32..3.0,
        top_p in 0f32..1.0,
        min_p in 0f32..1.0,
        top_k in 0usize..50,
        seed in any::<u64>(),
    ) {
        let sampling = Sampling { temperature, top_p, min_p, top_k, seed, ..Sampling::default() };
        let sampled = Sampler::new(sampling, None, &[]).sample(&logits).expect("free").id;
        prop_assert!((sampled as usize) < logits.len());
    }

    #[test]
    fn the_largest_equal_a_full_sort(
        logits in proptest::collection::vec(-3i8..3, 1..30),
        count in 1usize..6,
    ) {
        let logits: Vec<f32> = logits.into_iter().map(f32::from).collect();
        let mut order: Vec<u32> = (0..logits.len() as u32).collect();
        order.sort_by(|a, b| logits[*b as usize].total_cmp(&logits[*a as usize]).then(a.cmp(b)));
        order.truncate(count);
        prop_assert_eq!(largest(&logits, count), order);
    }
}
