//! Which experts a token goes to: sigmoid scores, groups kept by the sum of their two best, a bias that selects
//! without weighing (DeepSeek-V3 technical report, section 2.1.2).

/// The gate's constants.
#[derive(Debug, Clone, Copy)]
pub struct Gate {
    pub groups: usize,
    pub groups_kept: usize,
    pub experts_per_token: usize,
    pub normalise: bool,
    pub scale: f32,
}

/// One chosen expert and its weight.
pub type Choice = (usize, f32);

impl Gate {
    /// `logits` and `bias` [experts] -> the chosen experts, best first; ties go to the lower number.
    pub fn choose(&self, logits: &[f32], bias: &[f32]) -> Vec<Choice> {
        let scores: Vec<f32> = logits.iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect();
        let biased: Vec<f32> = scores.iter().zip(bias).map(|(s, b)| s + b).collect();
        let group_size = logits.len() / self.groups;
        let group_scores: Vec<f32> = biased.chunks_exact(group_size).map(best_two).collect();
        let kept = best(&group_scores, self.groups_kept);
        let mut masked = vec![f32::NEG_INFINITY; logits.len()];
        for group in kept {
            let span = group * group_size..(group + 1) * group_size;
            masked[span.clone()].copy_from_slice(&biased[span]);
        }
        let chosen = best(&masked, self.experts_per_token);
        let sum: f32 = chosen.iter().map(|&expert| scores[expert]).sum::<f32>() + 1e-20;
        let divide = if self.normalise && self.experts_per_token > 1 { sum } else { 1.0 };
        chosen.into_iter().map(|expert| (expert, scores[expert] / divide * self.scale)).collect()
    }
}

fn best_two(group: &[f32]) -> f32 {
    best(group, 2).into_iter().map(|i| group[i]).sum()
}

/// Positions of the `count` largest, largest first; ties go to the lower position.
fn best(values: &[f32], count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[b].total_cmp(&values[a]).then(a.cmp(&b)));
    order.truncate(count);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    const GATE: Gate = Gate { groups: 2, groups_kept: 1, experts_per_token: 2, normalise: true, scale: 2.5 };

    #[test]
    fn the_two_best_of_a_group_beat_its_single_star() {
        // Group 0 has the best expert; group 1 the better pair.
        let chosen = GATE.choose(&[3.0, -9.0, -9.0, 1.0, 1.5, -9.0], &[0.0; 6]);
        assert_eq!(chosen.iter().map(|c| c.0).collect::<Vec<_>>(), [4, 3]);
        assert!((chosen.iter().map(|c| c.1).sum::<f32>() - 2.5).abs() < 1e-6);
    }

    #[test]
    fn the_bias_selects_and_does_not_weigh() {
        let chosen = GATE.choose(&[0.0; 4], &[0.0, 0.0, 0.5, 0.4]);
        assert_eq!(chosen, [(2, 1.25), (3, 1.25)]);
    }

    #[test]
    fn negative_biases_still_give_experts_of_kept_groups() {
        let gate = Gate { groups: 2, groups_kept: 1, experts_per_token: 2, normalise: false, scale: 1.0 };
        let chosen = gate.choose(&[-4.0, -4.0, -5.0, -5.0], &[-2.0, -2.0, -2.0, -2.0]);
        assert_eq!(chosen.iter().map(|c| c.0).collect::<Vec<_>>(), [0, 1]);
    }
}
