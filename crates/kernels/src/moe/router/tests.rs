use std::cell::Cell;

use candle_core::Device;
use proptest::prelude::*;

use super::*;
use crate::testing::{close, uniform};

/// The definition in f64: one maximum after the other. `None` when two candidates are closer than f32 can
/// resolve.
fn reference(router: &Router, logits: &[f32], bias: Option<&[f32]>) -> Option<Vec<(usize, f64)>> {
    const APART: f64 = 1e-6;
    let undecided = Cell::new(false);
    let exp: Vec<f64> = logits.iter().map(|x| f64::from(*x).exp()).collect();
    let sum: f64 = exp.iter().sum();
    let scores: Vec<f64> = match router.scoring {
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
    let (n_group, topk_group) = match router.policy {
        TopkPolicy::Greedy => (1, 1),
        TopkPolicy::GroupLimitedGreedy { n_group, topk_group }
        | TopkPolicy::NoAuxTc { n_group, topk_group } => (n_group, topk_group),
    };
    let aux = matches!(router.policy, TopkPolicy::NoAuxTc { .. });
    let selection: Vec<f64> = scores
        .iter()
        .enumerate()
        .map(|(i, s)| s + if aux { bias.map_or(0.0, |b| f64::from(b[i])) } else { 0.0 })
        .collect();
    let size = scores.len() / n_group;
    let of_group: Vec<f64> = selection
        .chunks(size)
        .map(|group| ranked(group, if aux { 2.min(size) } else { 1 }).into_iter().map(|i| group[i]).sum())
        .collect();
    let topk_group = ranked(&of_group, topk_group);
    let out = if aux { f64::NEG_INFINITY } else { 0.0 };
    let masked: Vec<f64> = selection
        .iter()
        .enumerate()
        .map(|(i, s)| if topk_group.contains(&(i / size)) { *s } else { out })
        .collect();
    let chosen = ranked(&masked, router.top_k);
    let sum: f64 = chosen.iter().map(|&i| scores[i]).sum::<f64>() + 1e-20;
    let divide = if router.norm_topk_prob && router.top_k > 1 { sum } else { 1.0 };
    let weighed =
        chosen.into_iter().map(|i| (i, scores[i] / divide * f64::from(router.routed_scaling_factor)));
    (!undecided.get()).then(|| weighed.collect())
}

fn route(router: &Router, logits: &[f32], bias: Option<&[f32]>) -> Vec<(u16, f32)> {
    let logits = Tensor::new(logits, &Device::Cpu).unwrap().unsqueeze(0).unwrap();
    router.route(&logits, bias).expect("valid parameters").token(0).collect()
}

fn experts(choices: &[(u16, f32)]) -> Vec<u16> {
    choices.iter().map(|choice| choice.0).collect()
}

fn router(
    scoring: Scoring,
    policy: TopkPolicy,
    top_k: usize,
    norm_topk_prob: bool,
    routed_scaling_factor: f32,
) -> Router {
    Router { scoring, policy, top_k, norm_topk_prob, routed_scaling_factor }
}

/// The published parameters of V2-Lite, V2, VL2 and V3.
fn published() -> [(Router, usize); 4] {
    use TopkPolicy::{Greedy, GroupLimitedGreedy, NoAuxTc};
    [
        (router(Scoring::Softmax, Greedy, 6, false, 1.0), 64),
        (router(Scoring::Softmax, GroupLimitedGreedy { n_group: 8, topk_group: 3 }, 6, false, 16.0), 160),
        (router(Scoring::Sigmoid, NoAuxTc { n_group: 1, topk_group: 1 }, 6, true, 2.0), 72),
        (router(Scoring::Sigmoid, NoAuxTc { n_group: 8, topk_group: 4 }, 8, true, 2.5), 256),
    ]
}

proptest! {
    #[test]
    fn every_published_router_equals_the_definition(seed in any::<u64>(), spread in 0.5f32..8.0) {
        for (router, count) in published() {
            let logits: Vec<f32> = uniform(count, seed).iter().map(|x| x * spread).collect();
            let bias: Vec<f32> = uniform(count, seed ^ 1).iter().map(|x| x * 0.2).collect();
            let bias = (router.scoring == Scoring::Sigmoid).then_some(bias.as_slice());
            let Some(expected) = reference(&router, &logits, bias) else { continue };
            let actual = route(&router, &logits, bias);
            prop_assert_eq!(experts(&actual), expected.iter().map(|c| c.0 as u16).collect::<Vec<_>>());
            let weights = |choices: &[(u16, f32)]| choices.iter().map(|c| c.1).collect::<Vec<_>>();
            close(&weights(&actual), &expected.iter().map(|c| c.1 as f32).collect::<Vec<_>>(), 1e-5);
        }
    }
}

/// Some engine scores V2's groups by the sum of two, as V3 does.
#[test]
fn v2_keeps_the_group_of_the_single_star_and_v3_that_of_the_pair() {
    let logits = [3.0, -9.0, -9.0, 1.0, 1.5, -9.0];
    let limits = |policy| route(&router(Scoring::Softmax, policy, 2, false, 1.0), &logits, None);
    assert_eq!(experts(&limits(TopkPolicy::GroupLimitedGreedy { n_group: 2, topk_group: 1 }))[0], 0);
    // Sigmoids: 0.95 alone against 0.73 + 0.82.
    let pair = router(Scoring::Sigmoid, TopkPolicy::NoAuxTc { n_group: 2, topk_group: 1 }, 2, true, 2.5);
    let chosen = route(&pair, &logits, Some(&[0.0; 6]));
    assert_eq!(experts(&chosen), [4, 3]);
    assert!((chosen.iter().map(|c| c.1).sum::<f32>() - 2.5).abs() < 1e-6);
}

/// Some engine selects the groups by the scores of single experts.
#[test]
fn groups_are_ranked_by_their_own_scores() {
    // The best experts are in groups 0 and 1; with topk_group 1 all selected ones come from group 1.
    let logits = [2.0, -9.0, -9.0, 2.5, 2.4, 2.3];
    for policy in [
        TopkPolicy::GroupLimitedGreedy { n_group: 2, topk_group: 1 },
        TopkPolicy::NoAuxTc { n_group: 2, topk_group: 1 },
    ] {
        assert_eq!(
            experts(&route(&router(Scoring::Softmax, policy, 3, false, 1.0), &logits, None)),
            [3, 4, 5]
        );
    }
}

#[test]
fn the_bias_selects_and_does_not_weigh() {
    let v3 = router(Scoring::Sigmoid, TopkPolicy::NoAuxTc { n_group: 2, topk_group: 1 }, 2, true, 2.5);
    assert_eq!(route(&v3, &[0.0; 4], Some(&[0.0, 0.0, 0.5, 0.4])), [(2, 1.25), (3, 1.25)]);
}

/// Masking with zero, as some engines do, would prefer excluded experts to negative sums.
#[test]
fn negative_biases_still_give_experts_of_kept_groups() {
    let v3 = router(Scoring::Sigmoid, TopkPolicy::NoAuxTc { n_group: 2, topk_group: 1 }, 2, false, 1.0);
    assert_eq!(experts(&route(&v3, &[-4.0, -4.0, -5.0, -5.0], Some(&[-2.0; 4]))), [0, 1]);
    assert_eq!(experts(&route(&v3, &[-5.0, -5.0, -4.0, -4.0], Some(&[-2.0; 4]))), [2, 3]);
}

/// Some engine ignores the scaling factor when it normalises; another always normalises sigmoid scores.
#[test]
fn normalising_and_scaling_are_independent() {
    let sum = |scoring, norm_topk_prob, scale| {
        let router = router(scoring, TopkPolicy::Greedy, 2, norm_topk_prob, scale);
        route(&router, &[1.0, 0.5, -3.0, -3.0], None).iter().map(|c| c.1).sum::<f32>()
    };
    for scoring in [Scoring::Softmax, Scoring::Sigmoid] {
        assert!(
            (sum(scoring, true, 1.0) - 1.0).abs() < 1e-6 && (sum(scoring, true, 16.0) - 16.0).abs() < 1e-5
        );
        assert!((sum(scoring, false, 16.0) - 16.0 * sum(scoring, false, 1.0)).abs() < 1e-5);
        assert!((sum(scoring, false, 1.0) - 1.0).abs() > 0.01);
    }
}

/// Some engine clamps the sum at 6.1e-5, which makes small weights smaller.
#[test]
fn tiny_scores_are_normalised_like_any_others() {
    let router = router(Scoring::Sigmoid, TopkPolicy::Greedy, 2, true, 1.0);
    let chosen = route(&router, &[-16.0, -15.0, -20.0], None);
    assert!((chosen.iter().map(|c| c.1).sum::<f32>() - 1.0).abs() < 1e-5, "{chosen:?}");
}

/// Old GGUF files of V3 lack the group counts; some engine then selects among all experts.
#[test]
fn groups_change_the_choice() {
    let logits = [2.0, 1.9, -9.0, 2.1, -9.0, -9.0];
    let free = router(Scoring::Sigmoid, TopkPolicy::NoAuxTc { n_group: 1, topk_group: 1 }, 2, true, 1.0);
    let grouped = router(Scoring::Sigmoid, TopkPolicy::NoAuxTc { n_group: 2, topk_group: 1 }, 2, true, 1.0);
    assert_eq!(experts(&route(&free, &logits, None)), [3, 0]);
    assert_eq!(experts(&route(&grouped, &logits, None)), [0, 1]);
}

#[test]
fn ties_go_to_the_lower_number_and_a_single_expert_keeps_its_score() {
    for (router, count) in published() {
        let chosen = experts(&route(&router, &vec![0.0; count], None));
        assert_eq!(chosen, (0..router.top_k as u16).collect::<Vec<_>>());
    }
    let single = router(Scoring::Sigmoid, TopkPolicy::Greedy, 1, true, 3.0);
    assert_eq!(route(&single, &[0.0, -1.0], None), [(0, 1.5)]);
}

#[test]
fn invalid_parameters_are_refused() {
    let check = |policy, top_k, experts: usize| {
        let router = router(Scoring::Softmax, policy, top_k, false, 1.0);
        assert!(router.check(experts).is_err(), "{router:?} {experts}");
    };
    check(TopkPolicy::NoAuxTc { n_group: 3, topk_group: 1 }, 1, 8);
    check(TopkPolicy::NoAuxTc { n_group: 0, topk_group: 0 }, 1, 8);
    check(TopkPolicy::NoAuxTc { n_group: 2, topk_group: 3 }, 1, 8);
    check(TopkPolicy::GroupLimitedGreedy { n_group: 4, topk_group: 1 }, 3, 8);
    check(TopkPolicy::Greedy, 9, 8);
    check(TopkPolicy::Greedy, 0, 8);
}
