use std::sync::Arc;

use candle_core::Tensor;
use formats::Dtype;
use proptest::prelude::*;

use super::*;
use crate::slices::tensor;
use crate::testing::{NEVER, close, uniform};
use crate::{ActivationDtype, Place};
use crate::{PrefillRows, Weight};

fn weight(rows: usize, cols: usize, seed: u64) -> Weight {
    encoded(Dtype::BF16, rows, cols, seed)
}

fn encoded(dtype: Dtype, rows: usize, cols: usize, seed: u64) -> Weight {
    let mut bytes = Vec::new();
    formats::encode(dtype, &uniform(rows * cols, seed), &mut bytes);
    Weight::new(rows, cols, dtype, Arc::new(bytes), None, &Place::Host).expect("the sizes match")
}

fn expert(hidden: usize, inner: usize, seed: u64) -> Mlp {
    let (gate, up) = (weight(inner, hidden, seed), weight(inner, hidden, seed + 1));
    Mlp::new(gate, up, weight(hidden, inner, seed + 2)).expect("the shapes match")
}

/// Every token takes `each` experts, spread by `seed`; some experts get none.
fn top_k(tokens: usize, each: usize, count: usize, seed: u64) -> TopK {
    let weights = uniform(tokens * each, seed);
    let first = |t: usize| (seed as usize + t * t) % count;
    let experts = (0..tokens).flat_map(|t| (0..each).map(move |e| ((first(t) + e) % count) as u16));
    TopK { top_k: each, experts: experts.collect(), weights }
}

fn values(y: &Tensor) -> Vec<f32> {
    y.flatten_all().unwrap().to_vec1().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]
    #[test]
    fn experts_equal_the_reference(hidden in 1usize..70, inner in 1usize..40, tokens in 1usize..12, each in 1usize..4, seed in 0u64..1000) {
        let experts: Vec<Mlp> = (0..5).map(|e| expert(hidden, inner, seed + 10 * e)).collect();
        let top_k = top_k(tokens, each, 5, seed);
        let x = uniform(tokens * hidden, seed + 7);
        let input = tensor(x.clone(), (tokens, hidden)).unwrap();
        let expected = moe_reference(&x, &top_k, &experts);
        let none = PrefillRows::none();
        close(&values(&moe(&input, &top_k, &experts, &none, &NEVER).unwrap()), &expected, 1e-5);
        let first = TopK { top_k: 1, experts: vec![0; tokens], weights: vec![1.0; tokens] };
        let one = moe_reference(&x, &first, &experts);
        close(&values(&experts[0].forward(&input, &none, &NEVER).unwrap()), &one, 1e-5);
        for prefill in [PrefillRows::all(), PrefillRows::from_steps([(1, false), (17, true)])] {
            close(&values(&moe(&input, &top_k, &experts, &prefill, &NEVER).unwrap()), &expected, 1e-5);
            close(&values(&experts[0].forward(&input, &prefill, &NEVER).unwrap()), &one, 1e-5);
        }
    }
}

#[test]
fn results_are_batch_invariant() {
    let experts: Vec<Mlp> = (0..6).map(|e| expert(40, 24, 10 * e)).collect();
    let all = top_k(9, 3, 6, 3);
    let x = uniform(9 * 40, 1);
    let mixed = PrefillRows::from_steps([(2, false), (17, true)]);
    let batched = values(&moe(&tensor(x.clone(), (9, 40)).unwrap(), &all, &experts, &mixed, &NEVER).unwrap());
    for t in 0..9 {
        let prefill = if t < 2 { PrefillRows::none() } else { PrefillRows::all() };
        let (ids, weights) = all.token(t).unzip();
        let one = TopK { top_k: 3, experts: ids, weights };
        let alone =
            moe(&tensor(x[t * 40..][..40].to_vec(), (1, 40)).unwrap(), &one, &experts, &prefill, &NEVER)
                .unwrap();
        assert_eq!(values(&alone), batched[t * 40..][..40]);
    }
}

/// Also where gate and up are stored differently, as mixed files have them.
#[test]
fn quantised_experts_are_multiplied_in_whole_numbers() {
    let whole =
        |dtype, rows, cols, seed| encoded(dtype, rows, cols, seed).with_activations(ActivationDtype::Int16);
    let experts: Vec<Mlp> = [Dtype::Q4K, Dtype::BF16]
        .into_iter()
        .zip([1, 20])
        .map(|(up, seed)| {
            let (gate, up) = (whole(Dtype::Q6K, 96, 256, seed), whole(up, 96, 256, seed + 1));
            Mlp::new(gate, up, whole(Dtype::Q8_0, 256, 96, seed + 2)).expect("the shapes match")
        })
        .collect();
    let (all, x) = (top_k(5, 2, 2, 3), uniform(5 * 256, 1));
    let expected = moe_reference(&x, &all, &experts);
    for prefill in [PrefillRows::none(), PrefillRows::all()] {
        let input = tensor(x.clone(), (5, 256)).unwrap();
        let batched = values(&moe(&input, &all, &experts, &prefill, &NEVER).unwrap());
        // 16 bits of activations twice, of values up to about ten.
        close(&batched, &expected, 2e-3);
        for (t, x) in x.chunks_exact(256).enumerate() {
            let (ids, weights) = all.token(t).unzip();
            let one = TopK { top_k: 2, experts: ids, weights };
            let alone = moe(&tensor(x.to_vec(), (1, 256)).unwrap(), &one, &experts, &prefill, &NEVER);
            assert_eq!(values(&alone.unwrap()), batched[t * 256..][..256]);
        }
    }
}

#[test]
fn mismatched_shapes_are_refused() {
    let experts = [expert(8, 4, 1)];
    let x = tensor(vec![0.0; 16], (2, 8)).unwrap();
    let check = |experts_of: Vec<u16>, x: &Tensor| {
        let weights = vec![1.0; experts_of.len()];
        let top_k = TopK { top_k: 1, experts: experts_of, weights };
        assert!(moe(x, &top_k, &experts, &PrefillRows::none(), &NEVER).is_err());
    };
    check(vec![0], &x);
    check(vec![0, 1], &x);
    check(vec![0, 0], &tensor(vec![0.0; 14], (2, 7)).unwrap());
    assert!(Mlp::new(weight(4, 8, 1), weight(4, 8, 2), weight(4, 8, 3)).is_err());
    assert!(
        experts[0].forward(&tensor(vec![0.0; 7], (1, 7)).unwrap(), &PrefillRows::none(), &NEVER).is_err()
    );
}
