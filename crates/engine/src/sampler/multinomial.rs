//! Draws a token after temperature, top_k, top_p and min_p: the same token as a sort of the whole vocabulary
//! (`reference`), with only those tokens sorted that can decide the draw. Three sums depend on the order of
//! their terms: that of the weights follows the vocabulary, those of top_p and of the draw begin at the most
//! likely token. Each leaves out only terms below half a unit in its last place. A draw that adds in another
//! order (`draw_by_mass`) bounds the difference, and is repeated over the sorted vocabulary when that could
//! decide it.
use super::logits::{self, SUM_BITS};
use super::ranked::{self, Ranked};
use models::TopRow;

use crate::Sampling;

/// Tokens below a probability of 2^-48 are left out of a draw without top_p and counted in its margin.
const MASS_BITS: u32 = 48;
/// Low bits of a rank that are equal in a bucket: there are 64 buckets for each power of two.
const BUCKET_SHIFT: u32 = 17;
const BUCKETS: usize = ((MASS_BITS << 23 >> BUCKET_SHIFT) + 1) as usize;
/// The first `top_k` are selected before they are sorted when they are at most this many.
const MAX_SELECTED: usize = 1024;

/// Draws of one request. The buffers are kept from token to token.
#[derive(Default)]
pub struct Multinomial {
    /// Tokens that can decide the draw, in order of their ids until they are sorted.
    tokens: Vec<Ranked>,
    spare: Vec<Ranked>,
    /// The probability in each bucket of ranks: [BUCKETS]
    masses: Vec<f64>,
}

impl Multinomial {
    /// The token at `uniform`, which is in [0, 1), of the distribution of `logits` [vocab]; that of the
    /// largest logit at temperature 0.
    pub fn draw(&mut self, logits: &[f32], sampling: &Sampling, uniform: f64) -> u32 {
        if sampling.temperature <= 0.0 {
            return logits::argmax(logits);
        }
        let nucleus = sampling.top_p < 1.0;
        let bits = if nucleus { SUM_BITS } else { MASS_BITS };
        let sum = self.collect(logits, sampling.temperature, Some(bits));
        // There is no distribution when the largest logit is infinite.
        if !sum.is_finite() || self.tokens.is_empty() {
            return logits::argmax(logits);
        }
        let drawn = if nucleus || self.is_cut_by(sampling.top_k) {
            self.draw_by_rank(sampling, uniform, false)
        } else {
            self.draw_by_mass(logits.len(), sampling.min_p, uniform)
        };
        drawn.unwrap_or_else(|| {
            self.collect(logits, sampling.temperature, None);
            self.draw_by_rank(sampling, uniform, true).expect("the whole vocabulary decides any draw")
        })
    }

    /// The same token from the most likely ones of a row, all that are within some distance of the largest,
    /// and the sum of the weights of the whole row. `None` when another token could be drawn.
    pub fn draw_top(&mut self, top: &TopRow, sampling: &Sampling, uniform: f64) -> Option<u32> {
        let Sampling { temperature, top_k, top_p, min_p, .. } = *sampling;
        let largest = top.tokens.iter().map(|(_, logit)| *logit).fold(f32::NEG_INFINITY, f32::max);
        if temperature <= 0.0 {
            return top.tokens.iter().find(|(_, logit)| *logit == largest).map(|(id, _)| *id);
        }
        if !top.sum.is_finite() || !largest.is_finite() {
            return None;
        }
        let weight = |logit: f32| ((logit - largest) / temperature).exp();
        let ranked = |&(id, logit): &(u32, f32)| Ranked::new(id, weight(logit) / top.sum as f32);
        self.tokens.clear();
        self.tokens.extend(top.tokens.iter().map(ranked));
        ranked::sort(&mut self.tokens, &mut self.spare);
        let tokens = &mut self.tokens;
        let cut = (1..=tokens.len()).contains(&top_k);
        if cut {
            tokens.truncate(top_k);
        }
        let all = if cut { mass(tokens) } else { 1.0 };
        let mut complete = cut;
        if top_p < 1.0 {
            let mut sum = 0.0;
            let enough = tokens.iter().position(|token| {
                sum += f64::from(token.p());
                sum >= f64::from(top_p) * all
            });
            complete |= enough.is_some();
            tokens.truncate(enough.map_or(tokens.len(), |last| last + 1));
        }
        let kept = above_floor(tokens, min_p);
        complete |= kept < tokens.len();
        if !complete && min_p > 0.0 {
            return None;
        }
        // The probabilities of the whole row are 1 together.
        let total = if complete { mass(&tokens[..kept]) } else { 1.0 };
        let drawn = token_at(&tokens[..kept], uniform * total);
        drawn.or_else(|| tokens[..kept].last().filter(|_| complete).map(|token| token.id()))
    }

    /// Fills `tokens` with those of a probability from 2^-`bits` on, or with all. Returns the sum of the
    /// weights.
    fn collect(&mut self, logits: &[f32], temperature: f32, bits: Option<u32>) -> f32 {
        let tokens = &mut self.tokens;
        tokens.clear();
        tokens.reserve(logits.len());
        // A weight is at most 1, as a probability is, and is kept in the same type until the sum is known.
        let push = |terms: &[(u32, f32)]| {
            tokens.extend(terms.iter().map(|(id, weight)| Ranked::new(*id, *weight)));
        };
        let sum = logits::exp_sum(logits, logits::max(logits), temperature, bits, push);
        // `exp_sum` leaves out only what is below this part of the sum, so no token from `cut` on is missing.
        let cut = bits.map_or(0.0, |bits| 0.5f32.powi(bits as i32));
        let mut kept = 0;
        for at in 0..tokens.len() {
            let token = Ranked::new(tokens[at].id(), tokens[at].p() / sum);
            tokens[kept] = token;
            kept += usize::from(token.p() >= cut);
        }
        tokens.truncate(kept);
        sum
    }

    /// Whether the first `top_k` of the vocabulary are all in `tokens`, and not all of them.
    fn is_cut_by(&self, top_k: usize) -> bool {
        (1..self.tokens.len()).contains(&top_k)
    }

    /// Sorts the tokens and adds their probabilities in that order, as `reference` does. `None` when `tokens`
    /// are not `all`, and one that is missing could change the draw.
    fn draw_by_rank(&mut self, sampling: &Sampling, uniform: f64, all: bool) -> Option<u32> {
        let Sampling { top_k, top_p, min_p, .. } = *sampling;
        let complete = all || self.is_cut_by(top_k);
        self.sort_top(top_k);
        let tokens = &mut self.tokens;
        if top_p < 1.0 {
            let total: f32 = tokens.iter().map(|token| token.p()).sum();
            // Missing tokens are below 2^-25, half a unit in the last place of sums from 0.5 on. They would
            // not change the total; and the running sum reaches a part of the total before it comes to them.
            if !complete && total < 0.5 {
                return None;
            }
            let mut sum = 0.0;
            let enough = tokens.iter().position(|token| {
                sum += token.p();
                sum >= top_p * total
            });
            tokens.truncate(enough.map_or(tokens.len(), |last| last + 1));
        } else if !complete {
            return None;
        }
        let tokens = &tokens[..above_floor(tokens, min_p)];
        let drawn = token_at(tokens, uniform * mass(tokens));
        drawn.or_else(|| tokens.last().map(|token| token.id()))
    }

    /// Sorts the tokens; only the first `top_k` are kept, unless that is 0.
    fn sort_top(&mut self, top_k: usize) {
        let cut = self.is_cut_by(top_k);
        if cut && top_k <= MAX_SELECTED {
            self.tokens.select_nth_unstable(top_k);
            self.tokens.truncate(top_k);
            self.tokens.sort_unstable();
        } else {
            ranked::sort(&mut self.tokens, &mut self.spare);
            self.tokens.truncate(if cut { top_k } else { self.tokens.len() });
        }
    }

    /// Adds up the probabilities in each bucket of ranks and sorts only the bucket of the draw. `None` when
    /// rounding or the missing tokens could change the draw.
    fn draw_by_mass(&mut self, vocab: usize, min_p: f32, uniform: f64) -> Option<u32> {
        if min_p > 0.0 {
            let floor = self.tokens.iter().min()?.p() * min_p;
            self.tokens.retain(|token| token.p() >= floor);
        }
        let bucket = |token: &Ranked| (token.rank() >> BUCKET_SHIFT) as usize;
        self.masses.clear();
        self.masses.resize(BUCKETS, 0.0);
        for token in &self.tokens {
            self.masses[bucket(token)] += f64::from(token.p());
        }
        // Two additions for each token here and two in `reference` round numbers below 2, by at most 2^-53
        // each; so do the buckets here. Missing tokens have less than 2^-48 each. Together that is below
        // 2^-47 for each. The numbers are below 2 because a sum of f32 is off by vocab * 2^-24 at most.
        let margin = (vocab + 2 * BUCKETS) as f64 * 0.5f64.powi(MASS_BITS as i32 - 1);
        let total: f64 = self.masses.iter().sum();
        let mut left = uniform * total;
        let drawn = self.masses.iter().position(|mass| {
            let found = left < *mass;
            left -= if found { 0.0 } else { *mass };
            found
        })?;
        let mut is_first = self.masses[..drawn].iter().all(|mass| *mass == 0.0);
        self.tokens.retain(|token| bucket(token) == drawn);
        ranked::sort(&mut self.tokens, &mut self.spare);
        for token in &self.tokens {
            // In `reference` the tokens before this one certainly leave something, or there are none.
            let is_reached = is_first || left > margin;
            left -= f64::from(token.p());
            is_first = false;
            if left < margin {
                return (is_reached && left < -margin).then(|| token.id());
            }
        }
        None
    }
}

/// How many of sorted tokens min_p keeps; the first always.
fn above_floor(tokens: &[Ranked], min_p: f32) -> usize {
    let floor = tokens.first().map_or(0.0, |token| token.p() * min_p);
    tokens.partition_point(|token| token.p() >= floor).max(1)
}

fn mass(tokens: &[Ranked]) -> f64 {
    tokens.iter().map(|token| f64::from(token.p())).sum()
}

/// The token at `left` of the probabilities, added in this order; `None` beyond the last.
fn token_at(tokens: &[Ranked], mut left: f64) -> Option<u32> {
    let drawn = tokens.iter().find(|token| {
        left -= f64::from(token.p());
        left < 0.0
    });
    drawn.map(|token| token.id())
}
