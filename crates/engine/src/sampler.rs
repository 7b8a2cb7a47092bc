//! From logits to one token: penalties, grammar mask, temperature, top_k, top_p, min_p, draw. Each step is a
//! function of its own, so that each is tested alone. Knows nothing of models or sequences.
use std::collections::HashMap;

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::{Constraint, Sampling, TokenLogprob};

/// The sampling state of one request.
///
/// Each token uses one random number, with or without drafts: a draft is accepted when it equals the token
/// that is sampled anyway. So a seed gives the same text with drafts and without, and the distribution is the
/// model's by construction. Compared to speculative sampling, which accepts with min(1, p/q), acceptance is a
/// little lower for flat distributions and equal for a draft of probability 1.
pub struct Sampler {
    sampling: Sampling,
    constraint: Option<Box<dyn Constraint>>,
    random: ChaCha12Rng,
    /// Every token of prompt and answer (for the repetition penalty), with its count in the answer (for the
    /// frequency and presence penalties).
    counts: HashMap<u32, u32>,
}

/// A sampled token with its log probabilities, where they were requested.
pub struct SampledToken {
    pub id: u32,
    pub logprob: Option<f32>,
    pub alternatives: Vec<TokenLogprob>,
}

/// A token that a drafter proposes, with its probability under the drafter's distribution.
#[derive(Debug, Clone, Copy)]
pub struct DraftToken {
    pub id: u32,
    pub probability: f32,
}

impl Sampler {
    pub fn new(sampling: Sampling, constraint: Option<Box<dyn Constraint>>, prompt: &[u32]) -> Self {
        let random = ChaCha12Rng::seed_from_u64(sampling.seed);
        let counts = prompt.iter().map(|id| (*id, 0)).collect();
        Self { sampling, constraint, random, counts }
    }

    /// Samples from `logits` [vocab] and counts the token. `None` when the constraint forbids every token.
    pub fn sample(&mut self, logits: &[f32]) -> Option<SampledToken> {
        let mut adjusted = logits.to_vec();
        self.penalise(&mut adjusted);
        if let Some(constraint) = &mut self.constraint {
            constraint.mask(&mut adjusted);
            if adjusted.iter().all(|logit| *logit == f32::NEG_INFINITY) {
                return None;
            }
        }
        let uniform = uniform(&mut self.random);
        let id = self.pick(&adjusted, uniform);
        if let Some(constraint) = &mut self.constraint {
            constraint.accept(id);
        }
        *self.counts.entry(id).or_default() += 1;
        let (logprob, alternatives) = match self.sampling.logprobs {
            None => (None, Vec::new()),
            Some(count) => {
                let total = log_sum_exp(logits);
                let best = largest(logits, count);
                let alternative = |id: u32| TokenLogprob { id, logprob: logits[id as usize] - total };
                (Some(logits[id as usize] - total), best.into_iter().map(alternative).collect())
            }
        };
        Some(SampledToken { id, logprob, alternatives })
    }

    /// The token that a drafter's `logits` give for the position `ahead` after the next one. It is sampled
    /// with the random number that [`Sampler::sample`] will use there, so it is accepted when the two
    /// distributions are close enough.
    pub fn propose(&self, logits: &[f32], ahead: usize) -> DraftToken {
        let mut adjusted = logits.to_vec();
        self.penalise(&mut adjusted);
        let mut random = self.random.clone();
        let uniform = (0..=ahead).map(|_| uniform(&mut random)).last().expect("at least one");
        let id = self.pick(&adjusted, uniform);
        DraftToken { id, probability: (logits[id as usize] - log_sum_exp(logits)).exp() }
    }

    fn pick(&self, logits: &[f32], uniform: f64) -> u32 {
        if self.sampling.temperature <= 0.0 { argmax(logits) } else { self.multinomial(logits, uniform) }
    }

    fn penalise(&self, logits: &mut [f32]) {
        let Sampling { repetition_penalty, frequency_penalty, presence_penalty, .. } = self.sampling;
        for (&id, &count) in &self.counts {
            let Some(logit) = logits.get_mut(id as usize) else { continue };
            *logit = if *logit > 0.0 { *logit / repetition_penalty } else { *logit * repetition_penalty };
            if count > 0 {
                *logit -= frequency_penalty * count as f32 + presence_penalty;
            }
        }
    }

    fn multinomial(&self, logits: &[f32], uniform: f64) -> u32 {
        let Sampling { temperature, top_k, top_p, min_p, .. } = self.sampling;
        let candidates = filter(probabilities(logits, temperature), top_k, top_p, min_p);
        let total: f64 = candidates.iter().map(|(_, p)| f64::from(*p)).sum();
        let mut left = uniform * total;
        for (id, p) in &candidates {
            left -= f64::from(*p);
            if left < 0.0 {
                return *id;
            }
        }
        candidates.last().expect("the most likely token is always kept").0
    }
}

/// A multiple of 2^-53 in [0, 1).
fn uniform(random: &mut ChaCha12Rng) -> f64 {
    (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// Every token with its probability, most likely first; of equal ones the lower id first.
fn probabilities(logits: &[f32], temperature: f32) -> Vec<(u32, f32)> {
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weights = logits.iter().map(|logit| ((logit - top) / temperature).exp());
    let mut list: Vec<(u32, f32)> = weights.enumerate().map(|(id, weight)| (id as u32, weight)).collect();
    let sum: f32 = list.iter().map(|(_, weight)| weight).sum();
    list.iter_mut().for_each(|(_, weight)| *weight /= sum);
    list.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    list
}

/// Applies top_k, top_p and min_p to a sorted list. The most likely token always stays.
fn filter(mut list: Vec<(u32, f32)>, top_k: usize, top_p: f32, min_p: f32) -> Vec<(u32, f32)> {
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

/// Ids of the `count` largest logits, largest first; of equal ones the lower id first.
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
mod tests;
