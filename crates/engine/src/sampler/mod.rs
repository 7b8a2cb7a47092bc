//! From logits to one token: penalties, grammar mask, temperature, top_k, top_p, min_p, draw. Buffers are
//! kept from token to token. Knows nothing of models or sequences.
mod distribution;
mod logits;
mod multinomial;
mod ranked;

use std::collections::HashMap;

use distribution::{filter, probabilities};
use logits::{largest, log_sum_exp};
use models::{ForwardError, Logits, TopRow};
use multinomial::Multinomial;
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
    multinomial: Multinomial,
    /// Logits after penalties and grammar, kept for its allocation.
    adjusted: Vec<f32>,
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
        let (multinomial, adjusted) = (Multinomial::default(), Vec::new());
        Self { sampling, constraint, random, counts, multinomial, adjusted }
    }

    /// Samples from `logits` [vocab] and counts the token. `None` when the constraint forbids every token.
    pub fn sample(&mut self, logits: &[f32]) -> Option<SampledToken> {
        let restricted = self.is_restricted();
        let adjusts = self.penalises() || restricted;
        if adjusts {
            self.penalise(logits);
        }
        if let Some(constraint) = self.constraint.as_mut().filter(|_| restricted) {
            constraint.mask(&mut self.adjusted);
            if self.adjusted.iter().all(|logit| *logit == f32::NEG_INFINITY) {
                return None;
            }
        }
        let uniform = uniform(&mut self.random);
        let row = if adjusts { &self.adjusted[..] } else { logits };
        let id = self.multinomial.draw(row, &self.sampling, uniform);
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

    fn is_restricted(&self) -> bool {
        self.constraint.as_ref().is_some_and(|constraint| constraint.restricts())
    }

    /// The temperature, when tokens can be sampled from the most likely ones of a row.
    pub fn top_temperature(&self) -> Option<f32> {
        let whole = self.penalises() || self.is_restricted() || self.sampling.logprobs.is_some();
        (!whole).then(|| self.sampling.temperature.max(0.0))
    }

    /// As [`Sampler::sample`], for a row that may lie on a card: from its most likely tokens, when they are
    /// enough.
    ///
    /// # Errors
    /// When the card fails.
    pub fn sample_row(&mut self, logits: &Logits) -> Result<Option<SampledToken>, ForwardError> {
        if let Some(sampled) = logits.top().and_then(|top| self.sample_top(top)) {
            return Ok(Some(sampled));
        }
        logits.load()?;
        Ok(self.sample(logits))
    }

    /// As [`Sampler::sample`], from the most likely tokens alone. `None`, and nothing is changed, when the
    /// whole row is needed.
    fn sample_top(&mut self, top: &TopRow) -> Option<SampledToken> {
        self.top_temperature()?;
        let mut random = self.random.clone();
        let id = self.multinomial.draw_top(top, &self.sampling, uniform(&mut random))?;
        self.random = random;
        if let Some(constraint) = &mut self.constraint {
            constraint.accept(id);
        }
        *self.counts.entry(id).or_default() += 1;
        Some(SampledToken { id, logprob: None, alternatives: Vec::new() })
    }

    /// The token that a drafter's `logits` give for the position `ahead` after the next one. It is sampled
    /// with the random number that [`Sampler::sample`] will use there, so it is accepted when the two
    /// distributions are close enough.
    pub fn propose(&mut self, logits: &[f32], ahead: usize) -> DraftToken {
        let mut random = self.random.clone();
        let uniform = (0..=ahead).map(|_| uniform(&mut random)).last().expect("at least one");
        let adjusts = self.penalises();
        if adjusts {
            self.penalise(logits);
        }
        let row = if adjusts { &self.adjusted[..] } else { logits };
        let id = self.multinomial.draw(row, &self.sampling, uniform);
        DraftToken { id, probability: (logits[id as usize] - log_sum_exp(logits)).exp() }
    }

    /// Counts tokens as sampled ones.
    pub fn count(&mut self, tokens: &[u32]) {
        tokens.iter().for_each(|id| *self.counts.entry(*id).or_default() += 1);
    }

    /// The tokens that [`Sampler::sample`] may draw from `logits` [vocab] without a constraint, most likely
    /// first, with their probabilities.
    pub fn distribution(&mut self, logits: &[f32]) -> Vec<(u32, f32)> {
        let penalises = self.penalises();
        if penalises {
            self.penalise(logits);
        }
        let row = if penalises { &self.adjusted[..] } else { logits };
        let Sampling { temperature, top_k, top_p, min_p, .. } = self.sampling;
        if temperature <= 0.0 {
            return vec![(logits::argmax(row), 1.0)];
        }
        let mut kept = filter(probabilities(row, temperature), top_k, top_p, min_p);
        let total: f32 = kept.iter().map(|(_, probability)| probability).sum();
        kept.iter_mut().for_each(|(_, probability)| *probability /= total);
        kept
    }

    /// Whether a penalty can change a logit.
    fn penalises(&self) -> bool {
        let Sampling { repetition_penalty, frequency_penalty, presence_penalty, .. } = self.sampling;
        (repetition_penalty, frequency_penalty, presence_penalty) != (1.0, 0.0, 0.0)
    }

    /// Copies `logits` to `adjusted` and applies the penalties there.
    fn penalise(&mut self, logits: &[f32]) {
        let Sampling { repetition_penalty, frequency_penalty, presence_penalty, .. } = self.sampling;
        self.adjusted.clear();
        self.adjusted.extend_from_slice(logits);
        for (&id, &count) in &self.counts {
            let Some(logit) = self.adjusted.get_mut(id as usize) else { continue };
            *logit = if *logit > 0.0 { *logit / repetition_penalty } else { *logit * repetition_penalty };
            if count > 0 {
                *logit -= frequency_penalty * count as f32 + presence_penalty;
            }
        }
    }
}

/// A multiple of 2^-53 in [0, 1).
fn uniform(random: &mut ChaCha12Rng) -> f64 {
    (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;
