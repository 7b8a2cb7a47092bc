//! The sampler gives the tokens and log probabilities of `reference`, bit for bit, for any parameters and
//! logits.
use proptest::prelude::*;
use proptest::sample::select;

use super::super::ranked::{self, Ranked};
use super::super::reference;
use super::*;

/// Sampling as it was with a sort of the vocabulary.
struct SortingSampler {
    sampling: Sampling,
    constraint: Option<Pattern>,
    random: ChaCha12Rng,
    counts: HashMap<u32, u32>,
}

/// An id, the bits of its log probability, and the alternatives likewise.
type Bits = (u32, Option<u32>, Vec<(u32, u32)>);

impl SortingSampler {
    fn sample(&mut self, logits: &[f32]) -> Option<Bits> {
        let mut adjusted = self.penalise(logits);
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
        let logprob = |id: u32| (logits[id as usize] - reference::log_sum_exp(logits)).to_bits();
        let Some(count) = self.sampling.logprobs else { return Some((id, None, Vec::new())) };
        let best = reference::largest(logits, count);
        Some((id, Some(logprob(id)), best.into_iter().map(|id| (id, logprob(id))).collect()))
    }

    fn propose(&self, logits: &[f32]) -> (u32, u32) {
        let uniform = uniform(&mut self.random.clone());
        let id = self.pick(&self.penalise(logits), uniform);
        (id, (logits[id as usize] - reference::log_sum_exp(logits)).exp().to_bits())
    }

    fn pick(&self, logits: &[f32], uniform: f64) -> u32 {
        let Sampling { temperature, top_k, top_p, min_p, .. } = self.sampling;
        if temperature <= 0.0 {
            reference::largest(logits, 1)[0]
        } else {
            reference::multinomial(logits, (temperature, top_k, top_p, min_p), uniform)
        }
    }

    fn penalise(&self, logits: &[f32]) -> Vec<f32> {
        let Sampling { repetition_penalty, frequency_penalty, presence_penalty, .. } = self.sampling;
        let mut logits = logits.to_vec();
        for (&id, &count) in &self.counts {
            let Some(logit) = logits.get_mut(id as usize) else { continue };
            *logit = if *logit > 0.0 { *logit / repetition_penalty } else { *logit * repetition_penalty };
            if count > 0 {
                *logit -= frequency_penalty * count as f32 + presence_penalty;
            }
        }
        logits
    }
}

/// Allows one id of `stride`, starting at another one after each token.
#[derive(Debug, Clone)]
struct Pattern {
    stride: usize,
    accepted: usize,
}

impl Constraint for Pattern {
    fn mask(&mut self, logits: &mut [f32]) {
        for (id, logit) in logits.iter_mut().enumerate() {
            if !(id + self.accepted).is_multiple_of(self.stride) {
                *logit = f32::NEG_INFINITY;
            }
        }
    }

    fn accept(&mut self, token: u32) {
        self.accepted += 1 + token as usize;
    }
}

#[derive(Debug, Clone, Copy)]
enum Shape {
    /// Nearly normal, with this standard deviation.
    Normal(f32),
    /// Normal, with a few logits far above the others.
    Peaked,
    /// Few different values.
    Tied,
    Flat,
    /// One in so many is not minus infinity.
    Masked(u64),
    /// Far apart, so that most weights are 0 or denormal.
    Wide,
    /// Exponentials are powers of two, so that sums meet halfway between two f32.
    Powers,
}

fn row(shape: Shape, vocab: usize, random: &mut ChaCha12Rng) -> Vec<f32> {
    let normal = |random: &mut ChaCha12Rng| {
        ((0..6).map(|_| uniform(random)).sum::<f64>() - 3.0) as f32 * std::f32::consts::SQRT_2
    };
    let mut logits: Vec<f32> = (0..vocab)
        .map(|_| match shape {
            Shape::Normal(deviation) => normal(random) * deviation,
            Shape::Peaked => normal(random) * 2.5,
            Shape::Tied => (random.next_u64() % 7) as f32 * 0.5,
            Shape::Flat => 1.25,
            Shape::Masked(one_in) if !random.next_u64().is_multiple_of(one_in) => f32::NEG_INFINITY,
            Shape::Masked(_) => normal(random) * 3.0,
            Shape::Wide => normal(random) * 90.0,
            Shape::Powers => -((random.next_u64() % 40) as f32) * std::f32::consts::LN_2,
        })
        .collect();
    if let Shape::Peaked = shape {
        for rank in 1..60 {
            let at = random.next_u64() as usize % vocab;
            logits[at] = 17.0 - 2.5 * (rank as f32).ln() + normal(random);
        }
    }
    // A row has a largest logit.
    let finite = random.next_u64() as usize % vocab;
    logits[finite] = logits[finite].max(0.5);
    logits
}

fn shapes() -> impl Strategy<Value = Shape> {
    select(vec![
        Shape::Normal(0.2),
        Shape::Normal(1.0),
        Shape::Normal(2.5),
        Shape::Normal(6.0),
        Shape::Peaked,
        Shape::Tied,
        Shape::Flat,
        Shape::Masked(3),
        Shape::Masked(5_000),
        Shape::Wide,
        Shape::Powers,
    ])
}

fn samplings() -> impl Strategy<Value = Sampling> {
    let temperatures = prop_oneof![select(vec![0.0f32, 1e-6, 0.01, 0.6, 1.0, 5.0]), 0.05f32..3.0];
    let top_ps = prop_oneof![select(vec![0.0f32, 0.95, 0.9999, 1.0, 1.0]), 0f32..1.0];
    let top_ks = prop_oneof![select(vec![0usize, 0, 1, 20, 1024, 1600]), 0usize..200_000];
    let min_ps = prop_oneof![select(vec![0.0f32, 0.0, 1e-9, 1e-15, 0.05, 1.0]), 0f32..1.0];
    let neutral = Just((1.0f32, 0.0f32, 0.0f32));
    let penalties = prop_oneof![neutral, (0.5f32..2.0, -2f32..2.0, -2f32..2.0)];
    let logprobs = select(vec![None, Some(0), Some(1), Some(20)]);
    (temperatures, top_ps, top_ks, min_ps, penalties, logprobs, any::<u64>()).prop_map(
        |(temperature, top_p, top_k, min_p, penalties, logprobs, seed)| {
            let (repetition_penalty, frequency_penalty, presence_penalty) = penalties;
            Sampling {
                temperature,
                top_p,
                top_k,
                min_p,
                frequency_penalty,
                presence_penalty,
                repetition_penalty,
                seed,
                logprobs,
            }
        },
    )
}

/// Both samplers for a few tokens, on new logits each time.
fn compare(sampling: &Sampling, shape: Shape, vocab: usize, stride: Option<usize>, tokens: usize) {
    let constraint = stride.map(|stride| Pattern { stride, accepted: 0 });
    let boxed = constraint.clone().map(|pattern| Box::new(pattern) as Box<dyn Constraint>);
    let prompt: Vec<u32> = (0..vocab as u32).step_by(3).collect();
    let mut sampler = Sampler::new(sampling.clone(), boxed, &prompt);
    let mut sorting = SortingSampler {
        sampling: sampling.clone(),
        constraint,
        random: ChaCha12Rng::seed_from_u64(sampling.seed),
        counts: prompt.iter().map(|id| (*id, 0)).collect(),
    };
    let mut random = ChaCha12Rng::seed_from_u64(sampling.seed ^ 1);
    for _ in 0..tokens {
        let logits = row(shape, vocab, &mut random);
        let draft = sampler.propose(&logits, 0);
        assert_eq!((draft.id, draft.probability.to_bits()), sorting.propose(&logits));
        let sampled = sampler.sample(&logits).map(|sampled| {
            let bits = |other: &TokenLogprob| (other.id, other.logprob.to_bits());
            let alternatives = sampled.alternatives.iter().map(bits).collect();
            (sampled.id, sampled.logprob.map(f32::to_bits), alternatives)
        });
        let expected = sorting.sample(&logits);
        assert_eq!(sampled, expected);
        if expected.is_none() {
            break;
        }
    }
}

fn strides() -> impl Strategy<Value = Option<usize>> {
    prop_oneof![3 => Just(None), 1 => (1usize..400).prop_map(Some)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn small_vocabularies(
        sampling in samplings(), shape in shapes(), vocab in 2usize..3000, stride in strides(),
    ) {
        compare(&sampling, shape, vocab, stride, 6);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn large_vocabularies(
        sampling in samplings(), shape in shapes(), vocab in 3000usize..=152_000, stride in strides(),
    ) {
        compare(&sampling, shape, vocab, stride, 3);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    /// The random number is at the border of two tokens, as near as f64 allows, or at an end of its range.
    #[test]
    fn draws_at_the_borders_of_tokens(
        sampling in samplings(), shape in shapes(), vocab in 2usize..40_000,
    ) {
        let Sampling { temperature, top_k, top_p, min_p, seed, .. } = sampling;
        let temperature = temperature.max(1e-6);
        let sampling = Sampling { temperature, ..sampling };
        let mut random = ChaCha12Rng::seed_from_u64(seed);
        let logits = row(shape, vocab, &mut random);
        let list = filter(probabilities(&logits, temperature), top_k, top_p, min_p);
        let total: f64 = list.iter().map(|(_, p)| f64::from(*p)).sum();
        let at = random.next_u64() as usize % list.len().min(if seed.is_multiple_of(2) { 4 } else { list.len() }) + 1;
        let border = list[..at].iter().map(|(_, p)| f64::from(*p)).sum::<f64>() / total;
        let below = 1.0 - 0.5f64.powi(53);
        let mut multinomial = Multinomial::default();
        for shift in [-1e-12, -1e-16, 0.0, 1e-16, 1e-12, -1.0, 1.0] {
            let uniform = (border + shift).clamp(0.0, below);
            let expected = reference::multinomial(&logits, (temperature, top_k, top_p, min_p), uniform);
            prop_assert_eq!(multinomial.draw(&logits, &sampling, uniform), expected, "{}", uniform);
        }
    }

    #[test]
    fn a_radix_sort_is_a_sort(
        ps in proptest::collection::vec(prop_oneof![0f32..=1.0, 0f32..1e-6, Just(0.25f32)], 1..6000),
    ) {
        let mut list: Vec<Ranked> = ps.iter().enumerate().map(|(id, p)| Ranked::new(id as u32, *p)).collect();
        let mut sorted = list.clone();
        sorted.sort_by(|a, b| b.p().total_cmp(&a.p()).then(a.id().cmp(&b.id())));
        ranked::sort(&mut list, &mut Vec::new());
        prop_assert_eq!(list, sorted);
    }
}

#[test]
fn a_row_of_minus_infinity_or_infinity_is_greedy() {
    for logits in [[f32::NEG_INFINITY; 3], [0.0, f32::INFINITY, 1.0]] {
        let expected = reference::largest(&logits, 1)[0];
        assert_eq!(Multinomial::default().draw(&logits, &Sampling::default(), 0.5), expected);
    }
}
