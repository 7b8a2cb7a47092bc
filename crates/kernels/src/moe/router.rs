//! Which experts a token goes to. One gate covers every published family: scores by softmax or sigmoid, a choice among
//! all experts or inside the best groups, a bias that selects without weighing (DeepSeek-V2 paper, section 2.1.3;
//! DeepSeek-V3 report, section 2.1.2). The logits of a token are few, so this runs on the processor for any device.
use candle_core::{Result, Tensor, bail};

/// How logits become scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scoring {
    Softmax,
    Sigmoid,
}

/// How experts are chosen from scores; the names are those of `topk_method`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The best of all.
    Greedy,
    /// The best inside the groups with the best single expert; experts of other groups count as 0.
    GroupLimitedGreedy { groups: usize, kept: usize },
    /// The best by score plus bias, inside the groups whose two best sum highest; others are out.
    NoAuxTc { groups: usize, kept: usize },
}

/// A gate's rule.
#[derive(Debug, Clone, Copy)]
pub struct Gate {
    pub scoring: Scoring,
    pub method: Method,
    pub experts_per_token: usize,
    /// Whether the weights of a token are made to sum to one; a single expert keeps its score.
    pub normalise: bool,
    pub scale: f32,
}

/// The chosen experts of every token, best first.
#[derive(Debug, Clone, PartialEq)]
pub struct Choices {
    pub experts_per_token: usize,
    /// [T, experts_per_token]
    pub experts: Vec<u16>,
    /// [T, experts_per_token]
    pub weights: Vec<f32>,
}

impl Choices {
    pub fn tokens(&self) -> usize {
        self.experts.len() / self.experts_per_token
    }

    /// Experts and weights of one token.
    pub fn token(&self, t: usize) -> impl Iterator<Item = (u16, f32)> {
        let span = t * self.experts_per_token..(t + 1) * self.experts_per_token;
        self.experts[span.clone()].iter().copied().zip(self.weights[span].iter().copied())
    }
}

impl Gate {
    /// Whether this rule can choose among `experts`.
    ///
    /// # Errors
    /// Groups that do not divide the experts, more chosen than there are, or more than can be numbered.
    pub fn check(&self, experts: usize) -> Result<()> {
        let (groups, kept) = match self.method {
            Method::Greedy => (1, 1),
            Method::GroupLimitedGreedy { groups, kept } | Method::NoAuxTc { groups, kept } => (groups, kept),
        };
        if groups == 0 || kept == 0 || kept > groups || !experts.is_multiple_of(groups) {
            bail!("{experts} experts in {groups} groups with {kept} kept");
        }
        let reachable = experts / groups * kept;
        if self.experts_per_token == 0 || self.experts_per_token > reachable || experts > 1 << 16 {
            bail!("{} experts a token of {reachable} reachable among {experts}", self.experts_per_token);
        }
        Ok(())
    }

    /// `logits` [T, experts], `bias` [experts] for the choice only.
    ///
    /// # Errors
    /// When the rule does not fit the experts, or the bias has another length.
    pub fn route(&self, logits: &Tensor, bias: Option<&[f32]>) -> Result<Choices> {
        let (tokens, experts) = logits.dims2()?;
        self.check(experts)?;
        if bias.is_some_and(|bias| bias.len() != experts) {
            bail!("a bias of another length than {experts} experts");
        }
        let logits: Vec<f32> = logits.flatten_all()?.to_vec1()?;
        let count = self.experts_per_token;
        let mut choices = Choices { experts_per_token: count, experts: Vec::new(), weights: Vec::new() };
        choices.experts.reserve(tokens * count);
        choices.weights.reserve(tokens * count);
        for logits in logits.chunks_exact(experts) {
            self.choose(logits, bias, &mut choices);
        }
        Ok(choices)
    }

    fn choose(&self, logits: &[f32], bias: Option<&[f32]>, choices: &mut Choices) {
        let scores = self.scores(logits);
        let ranked = match self.method {
            Method::Greedy => best(&scores, self.experts_per_token),
            Method::GroupLimitedGreedy { groups, kept } => {
                let largest = |group: &[f32]| group.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let masked = within_groups(&scores, groups, kept, largest, 0.0);
                best(&masked, self.experts_per_token)
            }
            Method::NoAuxTc { groups, kept } => {
                let biased: Vec<f32> = match bias {
                    Some(bias) => scores.iter().zip(bias).map(|(s, b)| s + b).collect(),
                    None => scores.clone(),
                };
                let pair = |group: &[f32]| best(group, 2).into_iter().map(|i| group[i]).sum();
                let masked = within_groups(&biased, groups, kept, pair, f32::NEG_INFINITY);
                best(&masked, self.experts_per_token)
            }
        };
        let divide = if self.normalise && self.experts_per_token > 1 {
            ranked.iter().map(|&expert| scores[expert]).sum::<f32>() + 1e-20
        } else {
            1.0
        };
        choices.experts.extend(ranked.iter().map(|&expert| expert as u16));
        choices.weights.extend(ranked.iter().map(|&expert| scores[expert] / divide * self.scale));
    }

    fn scores(&self, logits: &[f32]) -> Vec<f32> {
        match self.scoring {
            Scoring::Sigmoid => logits.iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect(),
            Scoring::Softmax => {
                let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let powers: Vec<f32> = logits.iter().map(|x| (x - largest).exp()).collect();
                let sum: f32 = powers.iter().sum();
                powers.into_iter().map(|power| power / sum).collect()
            }
        }
    }
}

/// `scores` with every expert outside the `kept` groups of the best `score` put to `out`.
fn within_groups(
    scores: &[f32],
    groups: usize,
    kept: usize,
    score: impl Fn(&[f32]) -> f32,
    out: f32,
) -> Vec<f32> {
    let size = scores.len() / groups;
    let group_scores: Vec<f32> = scores.chunks_exact(size).map(score).collect();
    let mut masked = vec![out; scores.len()];
    for group in best(&group_scores, kept) {
        let span = group * size..(group + 1) * size;
        masked[span.clone()].copy_from_slice(&scores[span]);
    }
    masked
}

/// Positions of the `count` largest, largest first; ties go to the lower position, and NaN comes first, to be seen.
fn best(values: &[f32], count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    // -0.0 and 0.0 are a tie.
    let larger = |a: &usize, b: &usize| (values[*b] + 0.0).total_cmp(&(values[*a] + 0.0)).then(a.cmp(b));
    if count < order.len() {
        order.select_nth_unstable_by(count, larger);
        order.truncate(count);
    }
    order.sort_unstable_by(larger);
    order
}

#[cfg(test)]
mod tests;
