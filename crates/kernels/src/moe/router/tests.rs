use std::cell::Cell;

use candle_core::Device;
use proptest::prelude::*;

use super::*;
use crate::testing::{close, numbers};

/// Straight from the definition, in f64: one maximum after the other. Nothing where two that compete are so near that f32 need not
/// tell them apart.
fn reference(gate: &Gate, logits: &[f32], bias: Option<&[f32]>) -> Option<Vec<(usize, f64)>> {
    const APART: f64 = 1e-6;
    let undecided = Cell::new(false);
    let exp: Vec<f64> = logits.iter().map(|x| f64::from(*x).exp()).collect();
    let sum: f64 = exp.iter().sum();
    let scores: Vec<f64> = match gate.scoring {
        Scoring::Softmax => exp.iter().map(|x| x / sum).collect(),
        Scoring::Sigmoid => exp.iter().map(|x| x / (1.0 + x)).collect(),
    };
    let ranked = |values: &[f64], count: usize| {
        let mut taken = Vec::new();
        for _ in 0..count {
            let open = (0..values.len()).filter(|i| !taken.contains(i));
            let next = open.reduce(|best, i| if values[i] > values[best] { i } else { best }).unwrap();
            taken.push(next);
            let mut others = (0..values.len()).filter(|i| !taken.contains(i));
            undecided.set(undecided.get() || others.any(|i| values[next] - values[i] < APART));
        }
        taken
    };
    let (groups, kept) = match gate.method {
        Method::Greedy => (1, 1),
        Method::GroupLimitedGreedy { groups, kept } | Method::NoAuxTc { groups, kept } => (groups, kept),
    };
    let aux = matches!(gate.method, Method::NoAuxTc { .. });
    let selection: Vec<f64> = scores
        .iter()
        .enumerate()
        .map(|(i, s)| s + if aux { bias.map_or(0.0, |b| f64::from(b[i])) } else { 0.0 })
        .collect();
    let size = scores.len() / groups;
    let of_group: Vec<f64> = selection
        .chunks(size)
        .map(|group| ranked(group, if aux { 2.min(size) } else { 1 }).into_iter().map(|i| group[i]).sum())
        .collect();
    let kept = ranked(&of_group, kept);
    let out = if aux { f64::NEG_INFINITY } else { 0.0 };
    let masked: Vec<f64> = selection
        .iter()
        .enumerate()
        .map(|(i, s)| if kept.contains(&(i / size)) { *s } else { out })
        .collect();
    let chosen = ranked(&masked, gate.experts_per_token);
    let sum: f64 = chosen.iter().map(|&i| scores[i]).sum::<f64>() + 1e-20;
    let divide = if gate.normalise && gate.experts_per_token > 1 { sum } else { 1.0 };
    let weighed = chosen.into_iter().map(|i| (i, scores[i] / divide * f64::from(gate.scale)));
    (!undecided.get()).then(|| weighed.collect())
}

fn route(gate: &Gate, logits: &[f32], bias: Option<&[f32]>) -> Vec<(u16, f32)> {
    let logits = Tensor::new(logits, &Device::Cpu).unwrap().unsqueeze(0).unwrap();
    gate.route(&logits, bias).expect("a rule that fits").token(0).collect()
}

fn experts(choices: &[(u16, f32)]) -> Vec<u16> {
    choices.iter().map(|choice| choice.0).collect()
}

fn gate(scoring: Scoring, method: Method, experts_per_token: usize, normalise: bool, scale: f32) -> Gate {
    Gate { scoring, method, experts_per_token, normalise, scale }
}

/// V2-Lite, V2, VL2 and V3, as they are published.
fn published() -> [(Gate, usize); 4] {
    use Method::{Greedy, GroupLimitedGreedy, NoAuxTc};
    [
        (gate(Scoring::Softmax, Greedy, 6, false, 1.0), 64),
        (gate(Scoring::Softmax, GroupLimitedGreedy { groups: 8, kept: 3 }, 6, false, 16.0), 160),
        (gate(Scoring::Sigmoid, NoAuxTc { groups: 1, kept: 1 }, 6, true, 2.0), 72),
        (gate(Scoring::Sigmoid, NoAuxTc { groups: 8, kept: 4 }, 8, true, 2.5), 256),
    ]
}

proptest! {
    #[test]
    fn every_published_gate_equals_the_definition(seed in any::<u64>(), spread in 0.5f32..8.0) {
        for (gate, count) in published() {
            let logits: Vec<f32> = numbers(count, seed).iter().map(|x| x * spread).collect();
            let bias: Vec<f32> = numbers(count, seed ^ 1).iter().map(|x| x * 0.2).collect();
            let bias = (gate.scoring == Scoring::Sigmoid).then_some(bias.as_slice());
            let Some(slow) = reference(&gate, &logits, bias) else { continue };
            let fast = route(&gate, &logits, bias);
            prop_assert_eq!(experts(&fast), slow.iter().map(|c| c.0 as u16).collect::<Vec<_>>());
            let weights = |choices: &[(u16, f32)]| choices.iter().map(|c| c.1).collect::<Vec<_>>();
            close(&weights(&fast), &slow.iter().map(|c| c.1 as f32).collect::<Vec<_>>(), 1e-5);
        }
    }
}

/// An engine scores V2's groups by the sum of two, which is V3's rule.
#[test]
fn v2_keeps_the_group_of_the_single_star_and_v3_that_of_the_pair() {
    let logits = [3.0, -9.0, -9.0, 1.0, 1.5, -9.0];
    let limits = |method| route(&gate(Scoring::Softmax, method, 2, false, 1.0), &logits, None);
    assert_eq!(experts(&limits(Method::GroupLimitedGreedy { groups: 2, kept: 1 }))[0], 0);
    // Sigmoids: 0.95 alone against 0.73 + 0.82.
    let pair = gate(Scoring::Sigmoid, Method::NoAuxTc { groups: 2, kept: 1 }, 2, true, 2.5);
    let chosen = route(&pair, &logits, Some(&[0.0; 6]));
    assert_eq!(experts(&chosen), [4, 3]);
    assert!((chosen.iter().map(|c| c.1).sum::<f32>() - 2.5).abs() < 1e-6);
}

/// An engine takes the best groups from the scores of experts.
#[test]
fn groups_are_ranked_by_their_own_scores() {
    // The three best experts sit in groups 0 and 1; the kept group is one, so all chosen come from group 1.
    let logits = [2.0, -9.0, -9.0, 2.5, 2.4, 2.3];
    for method in [Method::GroupLimitedGreedy { groups: 2, kept: 1 }, Method::NoAuxTc { groups: 2, kept: 1 }]
    {
        assert_eq!(experts(&route(&gate(Scoring::Softmax, method, 3, false, 1.0), &logits, None)), [3, 4, 5]);
    }
}

#[test]
fn the_bias_selects_and_does_not_weigh() {
    let v3 = gate(Scoring::Sigmoid, Method::NoAuxTc { groups: 2, kept: 1 }, 2, true, 2.5);
    assert_eq!(route(&v3, &[0.0; 4], Some(&[0.0, 0.0, 0.5, 0.4])), [(2, 1.25), (3, 1.25)]);
}

/// Masking by zero, as some engines do, would prefer experts of dropped groups to negative sums.
#[test]
fn negative_biases_still_give_experts_of_kept_groups() {
    let v3 = gate(Scoring::Sigmoid, Method::NoAuxTc { groups: 2, kept: 1 }, 2, false, 1.0);
    assert_eq!(experts(&route(&v3, &[-4.0, -4.0, -5.0, -5.0], Some(&[-2.0; 4]))), [0, 1]);
    assert_eq!(experts(&route(&v3, &[-5.0, -5.0, -4.0, -4.0], Some(&[-2.0; 4]))), [2, 3]);
}

/// An engine drops the scale when it normalises; another normalises whenever scores are sigmoids.
#[test]
fn normalising_and_scaling_are_independent() {
    let sum = |scoring, normalise, scale| {
        let gate = gate(scoring, Method::Greedy, 2, normalise, scale);
        route(&gate, &[1.0, 0.5, -3.0, -3.0], None).iter().map(|c| c.1).sum::<f32>()
    };
    for scoring in [Scoring::Softmax, Scoring::Sigmoid] {
        assert!(
            (sum(scoring, true, 1.0) - 1.0).abs() < 1e-6 && (sum(scoring, true, 16.0) - 16.0).abs() < 1e-5
        );
        assert!((sum(scoring, false, 16.0) - 16.0 * sum(scoring, false, 1.0)).abs() < 1e-5);
        assert!((sum(scoring, false, 1.0) - 1.0).abs() > 0.01);
    }
}

/// An engine clamps the sum at 6.1e-5, which makes small weights smaller.
#[test]
fn tiny_scores_are_normalised_like_any_others() {
    let gate = gate(Scoring::Sigmoid, Method::Greedy, 2, true, 1.0);
    let chosen = route(&gate, &[-16.0, -15.0, -20.0], None);
    assert!((chosen.iter().map(|c| c.1).sum::<f32>() - 1.0).abs() < 1e-5, "{chosen:?}");
}

/// Old files of V3 lack the group counts, and an engine then chooses among all experts.
#[test]
fn groups_change_the_choice() {
    let logits = [2.0, 1.9, -9.0, 2.1, -9.0, -9.0];
    let free = gate(Scoring::Sigmoid, Method::NoAuxTc { groups: 1, kept: 1 }, 2, true, 1.0);
    let grouped = gate(Scoring::Sigmoid, Method::NoAuxTc { groups: 2, kept: 1 }, 2, true, 1.0);
    assert_eq!(experts(&route(&free, &logits, None)), [3, 0]);
    assert_eq!(experts(&route(&grouped, &logits, None)), [0, 1]);
}

#[test]
fn ties_go_to_the_lower_number_and_a_single_expert_keeps_its_score() {
    for (gate, count) in published() {
        let chosen = experts(&route(&gate, &vec![0.0; count], None));
        assert_eq!(chosen, (0..gate.experts_per_token as u16).collect::<Vec<_>>());
    }
    let single = gate(Scoring::Sigmoid, Method::Greedy, 1, true, 3.0);
    assert_eq!(route(&single, &[0.0, -1.0], None), [(0, 1.5)]);
}

#[test]
fn rules_that_do_not_fit_are_refused() {
    let check = |method, experts_per_token, experts: usize| {
        let gate = gate(Scoring::Softmax, method, experts_per_token, false, 1.0);
        assert!(gate.check(experts).is_err(), "{gate:?} {experts}");
    };
    check(Method::NoAuxTc { groups: 3, kept: 1 }, 1, 8);
    check(Method::NoAuxTc { groups: 0, kept: 0 }, 1, 8);
    check(Method::NoAuxTc { groups: 2, kept: 3 }, 1, 8);
    check(Method::GroupLimitedGreedy { groups: 4, kept: 1 }, 3, 8);
    check(Method::Greedy, 9, 8);
    check(Method::Greedy, 0, 8);
}
