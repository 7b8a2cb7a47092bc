//! From logits to one token. Each step is a plain function of its own, so that each is tested alone.
use std::collections::HashMap;

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::{Sampling, TokenLogprob};

/// The state of one request's drawing.
pub struct Sampler {
    sampling: Sampling,
    random: ChaCha12Rng,
    /// How often each token stands in the prompt and the answer (repetition) and in the answer alone (the other two).
    seen: HashMap<u32, Seen>,
}

#[derive(Default, Clone, Copy)]
struct Seen {
    answer: u32,
}

/// A drawn token with what was asked about it.
pub struct Drawn {
    pub id: u32,
    pub logprob: Option<f32>,
    pub alternatives: Vec<TokenLogprob>,
}

impl Sampler {
    pub fn new(sampling: Sampling, prompt: &[u32]) -> Self {
        let random = ChaCha12Rng::seed_from_u64(sampling.seed);
        let seen = prompt.iter().map(|id| (*id, Seen::default())).collect();
        Self { sampling, random, seen }
    }

    /// Draws from `logits` [vocab] and remembers the token.
    pub fn draw(&mut self, logits: &[f32]) -> Drawn {
        let mut adjusted = logits.to_vec();
        self.penalise(&mut adjusted);
        let id = if self.sampling.temperature <= 0.0 { argmax(&adjusted) } else { self.sample(&adjusted) };
        self.seen.entry(id).or_default().answer += 1;
        let (logprob, alternatives) = match self.sampling.logprobs {
            None => (None, Vec::new()),
            Some(count) => {
                let total = log_sum_exp(logits);
                let best = largest(logits, count);
                let alternative = |id: u32| TokenLogprob { id, logprob: logits[id as usize] - total };
                (Some(logits[id as usize] - total), best.into_iter().map(alternative).collect())
            }
        };
        Drawn { id, logprob, alternatives }
    }

    fn penalise(&self, logits: &mut [f32]) {
        let Sampling { repetition_penalty, frequency_penalty, presence_penalty, .. } = self.sampling;
        for (&id, seen) in &self.seen {
            let Some(logit) = logits.get_mut(id as usize) else { continue };
            *logit = if *logit > 0.0 { *logit / repetition_penalty } else { *logit * repetition_penalty };
            if seen.answer > 0 {
                *logit -= frequency_penalty * seen.answer as f32 + presence_penalty;
            }
        }
    }

    fn sample(&mut self, logits: &[f32]) -> u32 {
        let Sampling { temperature, top_k, top_p, min_p, .. } = self.sampling;
        let candidates = keep(probabilities(logits, temperature), top_k, top_p, min_p);
        let total: f64 = candidates.iter().map(|(_, p)| f64::from(*p)).sum();
        // 53 random bits: every double in [0, 1) that a uniform draw can give.
        let mut left = (self.random.next_u64() >> 11) as f64 / (1u64 << 53) as f64 * total;
        for (id, p) in &candidates {
            left -= f64::from(*p);
            if left < 0.0 {
                return *id;
            }
        }
        candidates.last().expect("the likeliest token is always kept").0
    }
}

/// Every token with its probability, likeliest first; ties go to the lower id.
fn probabilities(logits: &[f32], temperature: f32) -> Vec<(u32, f32)> {
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weights = logits.iter().map(|logit| ((logit - top) / temperature).exp());
    let mut list: Vec<(u32, f32)> = weights.enumerate().map(|(id, weight)| (id as u32, weight)).collect();
    let sum: f32 = list.iter().map(|(_, weight)| weight).sum();
    list.iter_mut().for_each(|(_, weight)| *weight /= sum);
    list.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    list
}

/// Cuts a sorted list; the likeliest token always stays.
fn keep(mut list: Vec<(u32, f32)>, top_k: usize, top_p: f32, min_p: f32) -> Vec<(u32, f32)> {
    if top_k > 0 {
        list.truncate(top_k);
    }
    if top_p < 1.0 {
        let total: f32 = list.iter().map(|(_, p)| p).sum();
        let mut sum = 0.0;
        let enough = list.iter().position(|(_, p)| {
            sum += p;
            sum >= top_p * total
        });
        list.truncate(enough.map_or(list.len(), |last| last + 1));
    }
    let floor = list[0].1 * min_p;
    list.retain(|(_, p)| *p >= floor);
    list
}

fn argmax(logits: &[f32]) -> u32 {
    largest(logits, 1)[0]
}

/// Ids of the `count` largest, largest first; ties go to the lower id.
fn largest(logits: &[f32], count: usize) -> Vec<u32> {
    let mut best: Vec<u32> = Vec::with_capacity(count + 1);
    for id in 0..logits.len() as u32 {
        let at =
            best.partition_point(|&other| logits[other as usize].total_cmp(&logits[id as usize]).is_ge());
        if at < count {
            best.insert(at, id);
            best.truncate(count);
        }
    }
    best
}

fn log_sum_exp(logits: &[f32]) -> f32 {
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    top + logits.iter().map(|logit| (logit - top).exp()).sum::<f32>().ln()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ids(list: &[(u32, f32)]) -> Vec<u32> {
        list.iter().map(|(id, _)| *id).collect()
    }

    #[test]
    fn each_cut_keeps_what_it_says() {
        let list = vec![(7, 0.5), (3, 0.3), (1, 0.15), (0, 0.05)];
        let check = |k, p, m, expect: &[u32]| assert_eq!(ids(&keep(list.clone(), k, p, m)), expect);
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
        let mut sampler = Sampler::new(sampling, &[]);
        let drawn: Vec<u32> = (0..4).map(|_| sampler.draw(&[1.0, 2.0, 2.0]).id).collect();
        assert_eq!(drawn, [1, 2, 0, 1]);
    }

    #[test]
    fn repetition_counts_the_prompt_and_the_others_do_not() {
        let repetition = Sampling { temperature: 0.0, repetition_penalty: 2.0, ..Sampling::default() };
        assert_eq!(Sampler::new(repetition, &[0]).draw(&[1.5, 1.0]).id, 1);
        let presence = Sampling { temperature: 0.0, presence_penalty: 2.0, ..Sampling::default() };
        assert_eq!(Sampler::new(presence, &[0]).draw(&[1.5, 1.0]).id, 0);
    }

    #[test]
    fn logprobs_are_those_of_the_model() {
        let sampling = Sampling { temperature: 0.0, logprobs: Some(2), ..Sampling::default() };
        let drawn = Sampler::new(sampling, &[]).draw(&[0.0, (3.0f32).ln()]);
        assert!((drawn.logprob.expect("asked for") - (0.75f32).ln()).abs() < 1e-6);
        assert_eq!(drawn.alternatives.iter().map(|a| a.id).collect::<Vec<_>>(), [1, 0]);
    }

    /// Pearson's statistic over 20,000 draws; 16.27 is the 0.1 % point at three degrees of freedom.
    #[test]
    fn draws_follow_the_distribution_and_a_seed_repeats_them() {
        let logits: Vec<f32> = [0.4f32, 0.3, 0.2, 0.1].iter().map(|p| p.ln()).collect();
        let draw = |seed| {
            let mut sampler = Sampler::new(Sampling { seed, ..Sampling::default() }, &[]);
            (0..20_000).map(|_| sampler.draw(&logits).id).collect::<Vec<_>>()
        };
        let drawn = draw(7);
        let statistic: f64 = [0.4, 0.3, 0.2, 0.1]
            .iter()
            .enumerate()
            .map(|(id, p)| {
                let (seen, due) = (drawn.iter().filter(|d| **d == id as u32).count() as f64, p * 20_000.0);
                (seen - due).powi(2) / due
            })
            .sum();
        assert!(statistic < 16.27, "{statistic}");
        assert_eq!(drawn, draw(7));
        assert_ne!(drawn, draw(8));
    }

    proptest! {
        #[test]
        fn any_parameters_give_a_token_of_the_vocabulary(
            logits in proptest::collection::vec(-30f32..30.0, 1..40),
            temperature in 0f32..3.0, top_p in 0f32..1.0, min_p in 0f32..1.0, top_k in 0usize..50, seed in any::<u64>(),
        ) {
            let sampling = Sampling { temperature, top_p, min_p, top_k, seed, ..Sampling::default() };
            let drawn = Sampler::new(sampling, &[]).draw(&logits).id;
            prop_assert!((drawn as usize) < logits.len());
        }

        #[test]
        fn the_largest_equal_a_full_sort(logits in proptest::collection::vec(-3i8..3, 1..30), count in 1usize..6) {
            let logits: Vec<f32> = logits.into_iter().map(f32::from).collect();
            let mut order: Vec<u32> = (0..logits.len() as u32).collect();
            order.sort_by(|a, b| logits[*b as usize].total_cmp(&logits[*a as usize]).then(a.cmp(b)));
            order.truncate(count);
            prop_assert_eq!(largest(&logits, count), order);
        }
    }
}
