//! The router of a mixture of experts, for every published family: softmax or sigmoid scores, selection among
//! all experts or within the best groups, a bias for the selection only (DeepSeek-V2, arXiv 2405.04434,
//! section 2.1.3; DeepSeek-V3, arXiv 2412.19437, section 2.1.2). A token has few logits, so it runs on the
//! CPU for any device.
use candle_core::{Result, Tensor, bail};

/// The scoring function (`scoring_func`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scoring {
    Softmax,
    Sigmoid,
}

/// The selection of experts by score, with the names of `topk_method`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopkPolicy {
    /// The best experts.
    Greedy,
    /// The best within the `topk_group` groups with the highest single score; other experts score 0.
    GroupLimitedGreedy { n_group: usize, topk_group: usize },
    /// The best by score plus bias within the groups with the highest sum of two; other experts are excluded.
    NoAuxTc { n_group: usize, topk_group: usize },
}

/// The routing parameters of a model, with the names of its configuration.
#[derive(Debug, Clone, Copy)]
pub struct Router {
    pub scoring: Scoring,
    pub policy: TopkPolicy,
    /// Experts per token.
    pub top_k: usize,
    /// Whether the weights of a token are normalised to sum one; a single expert keeps its score.
    pub norm_topk_prob: bool,
    pub routed_scaling_factor: f32,
}

/// The selected experts of every token, best first.
#[derive(Debug, Clone, PartialEq)]
pub struct TopK {
    pub top_k: usize,
    /// [T, top_k]
    pub experts: Vec<u16>,
    /// [T, top_k]
    pub weights: Vec<f32>,
}

impl TopK {
    pub fn tokens(&self) -> usize {
        self.experts.len() / self.top_k
    }

    /// Experts and weights of one token.
    pub fn token(&self, t: usize) -> impl Iterator<Item = (u16, f32)> {
        let span = t * self.top_k..(t + 1) * self.top_k;
        self.experts[span.clone()].iter().copied().zip(self.weights[span].iter().copied())
    }
}

impl Router {
    /// Checks the parameters for a number of experts.
    ///
    /// # Errors
    /// When groups do not divide the experts, more are selected than selectable, or an index does not fit
    /// u16.
    pub fn check(&self, experts: usize) -> Result<()> {
        let (n_group, topk_group) = match self.policy {
            TopkPolicy::Greedy => (1, 1),
            TopkPolicy::GroupLimitedGreedy { n_group, topk_group }
            | TopkPolicy::NoAuxTc { n_group, topk_group } => (n_group, topk_group),
        };
        if n_group == 0 || topk_group == 0 || topk_group > n_group || !experts.is_multiple_of(n_group) {
            bail!("invalid groups: {experts} experts, n_group {n_group}, topk_group {topk_group}");
        }
        let selectable = experts / n_group * topk_group;
        if self.top_k == 0 || self.top_k > selectable || experts > 1 << 16 {
            bail!("invalid top_k {}: {selectable} of {experts} experts are selectable", self.top_k);
        }
        Ok(())
    }

    /// `logits` [T, experts], `bias` [experts] (e_score_correction_bias) for the selection only.
    ///
    /// # Errors
    /// When `check` fails, or the bias has another length.
    pub fn route(&self, logits: &Tensor, bias: Option<&[f32]>) -> Result<TopK> {
        let (tokens, experts) = logits.dims2()?;
        self.check(experts)?;
        if bias.is_some_and(|bias| bias.len() != experts) {
            bail!("shape mismatch: bias for {experts} experts");
        }
        let logits: Vec<f32> = logits.flatten_all()?.to_vec1()?;
        let count = self.top_k;
        let mut selected = TopK { top_k: count, experts: Vec::new(), weights: Vec::new() };
        selected.experts.reserve(tokens * count);
        selected.weights.reserve(tokens * count);
        for logits in logits.chunks_exact(experts) {
            self.select(logits, bias, &mut selected);
        }
        Ok(selected)
    }

    fn select(&self, logits: &[f32], bias: Option<&[f32]>, selected: &mut TopK) {
        let scores = self.scores(logits);
        let ranked = match self.policy {
            TopkPolicy::Greedy => top_indices(&scores, self.top_k),
            TopkPolicy::GroupLimitedGreedy { n_group, topk_group } => {
                let max = |group: &[f32]| group.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let masked = mask_groups(&scores, n_group, topk_group, max, 0.0);
                top_indices(&masked, self.top_k)
            }
            TopkPolicy::NoAuxTc { n_group, topk_group } => {
                let biased: Vec<f32> = match bias {
                    Some(bias) => scores.iter().zip(bias).map(|(s, b)| s + b).collect(),
                    None => scores.clone(),
                };
                let top_two = |group: &[f32]| top_indices(group, 2).into_iter().map(|i| group[i]).sum();
                let masked = mask_groups(&biased, n_group, topk_group, top_two, f32::NEG_INFINITY);
                top_indices(&masked, self.top_k)
            }
        };
        let divisor = if self.norm_topk_prob && self.top_k > 1 {
            ranked.iter().map(|&expert| scores[expert]).sum::<f32>() + 1e-20
        } else {
            1.0
        };
        selected.experts.extend(ranked.iter().map(|&expert| expert as u16));
        selected
            .weights
            .extend(ranked.iter().map(|&expert| scores[expert] / divisor * self.routed_scaling_factor));
    }

    fn scores(&self, logits: &[f32]) -> Vec<f32> {
        match self.scoring {
            Scoring::Sigmoid => logits.iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect(),
            Scoring::Softmax => {
                let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let numerators: Vec<f32> = logits.iter().map(|x| (x - max).exp()).collect();
                let sum: f32 = numerators.iter().sum();
                numerators.into_iter().map(|numerator| numerator / sum).collect()
            }
        }
    }
}

/// `scores` with the experts outside the `topk_group` best groups set to `out`.
fn mask_groups(
    scores: &[f32],
    n_group: usize,
    topk_group: usize,
    score: impl Fn(&[f32]) -> f32,
    out: f32,
) -> Vec<f32> {
    let size = scores.len() / n_group;
    let group_scores: Vec<f32> = scores.chunks_exact(size).map(score).collect();
    let mut masked = vec![out; scores.len()];
    for group in top_indices(&group_scores, topk_group) {
        let span = group * size..(group + 1) * size;
        masked[span.clone()].copy_from_slice(&scores[span]);
    }
    masked
}

/// Indices of the `count` largest values in descending order; ties go to the lower index. NaN sorts first, so
/// that it is not hidden.
fn top_indices(values: &[f32], count: usize) -> Vec<usize> {
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
