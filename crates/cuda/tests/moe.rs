//! The router and the experts of decode against the definition in f64.
//! Without a card they have nothing to do.
mod common;

use common::{Random, card, close, decoded, formats, poisoned, uploaded};
use cuda::ops::moe::{ExpertsDown, ExpertsUp, Policy, Route, Scores, inner_shape};
use cuda::{Card, Dtype, Mat, Matrix, Ptr};

const HIDDEN: usize = 512;
const EXPERTS: usize = 5;
const TOP_K: usize = 3;
const T: usize = 2;
const EPS: f32 = 1e-6;

/// Matrices of one shape behind each other on the card, and their values.
struct Stack {
    matrices: Vec<Matrix>,
    values: Vec<Vec<f32>>,
    cols: usize,
}

impl Stack {
    fn new(card: &Card, random: &mut Random, dtype: Dtype, [count, rows, cols]: [usize; 3]) -> Self {
        let bytes: Vec<Vec<u8>> = (0..count).map(|_| random.weights(dtype, rows, cols)).collect();
        let parts: Vec<(&[u8], Option<&[f32]>)> = bytes.iter().map(|b| (b.as_slice(), None)).collect();
        let matrices = Matrix::upload_stack(card, dtype, rows, cols, &parts).expect("room for a test");
        let values = bytes.iter().map(|bytes| decoded(dtype, bytes, rows * cols)).collect();
        Self { matrices, values, cols }
    }

    fn first(&self) -> Mat {
        self.matrices[0].mat()
    }

    fn times(&self, expert: usize, x: &[f64]) -> Vec<f64> {
        let row = |row: &[f32]| row.iter().zip(x).map(|(w, x)| f64::from(*w) * x).sum();
        self.values[expert].chunks_exact(self.cols).map(row).collect()
    }
}

/// Gate, up and down of `count` experts, `[up, down]` in these formats.
struct Network([Stack; 3]);

impl Network {
    fn new(card: &Card, random: &mut Random, [up, down]: [Dtype; 2], count: usize, inner: usize) -> Self {
        let [gate, up] = [0; 2].map(|_| Stack::new(card, random, up, [count, inner, HIDDEN]));
        Self([gate, up, Stack::new(card, random, down, [count, HIDDEN, inner])])
    }

    /// `silu(gate x) * up x` of one expert.
    fn inner(&self, expert: usize, x: &[f64]) -> Vec<f64> {
        let [gate, up, _] = &self.0;
        let joined = |(gate, up): (f64, f64)| gate / (1.0 + (-gate).exp()) * up;
        gate.times(expert, x).into_iter().zip(up.times(expert, x)).map(joined).collect()
    }

    fn mats(&self) -> [Mat; 3] {
        self.0.each_ref().map(Stack::first)
    }
}

fn normed(x: &[f32], weight: &[f32]) -> Vec<f64> {
    let mean = x.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / x.len() as f64;
    let root = (mean + f64::from(EPS)).sqrt();
    x.iter().zip(weight).map(|(x, w)| f64::from(*x) / root * f64::from(*w)).collect()
}

/// `[up, down]` of the routed and of the shared experts.
fn experts_of(card: &Card, routed: [Dtype; 2], shared: [Dtype; 2]) {
    let what = format!("{routed:?} {shared:?}");
    let random = &mut Random::new(7);
    let inner = |dtype: Dtype| if dtype.block_len() == 256 { 256 } else { 352 };
    let own = Network::new(card, random, routed, EXPERTS, inner(routed[1]));
    let other = Network::new(card, random, shared, 1, 2 * inner(shared[1]));
    let [x, residual] = [0; 2].map(|_| random.values(T * HIDDEN));
    let (norm, weights) = (random.values(HIDDEN), random.values(T * TOP_K));
    let ids: Vec<u32> = (0..T * TOP_K).map(|at| (at as u32 * 3 + 1) % EXPERTS as u32).collect();
    let [on_x, on_norm, on_weights, on_residual] =
        [&x, &norm, &weights, &residual].map(|values| uploaded(card, values));
    let on_ids = uploaded(card, &ids);
    let ([gate, up, down], [shared_gate, shared_up, shared_down]) = (own.mats(), other.mats());
    let (slots, width) = inner_shape(&gate, Some(&shared_gate), TOP_K);
    let (between, out) = (poisoned(card, T * slots * width * 4), poisoned(card, (T * HIDDEN + 1) * 4));
    let upwards = ExpertsUp {
        x: on_x.ptr(),
        x_stride: HIDDEN as u32,
        norm: on_norm.ptr(),
        eps: EPS,
        ids: on_ids.ptr(),
        routed: [gate, up],
        shared: Some([shared_gate, shared_up]),
        inner: between.ptr(),
        rows: T,
        top_k: TOP_K,
    };
    let downwards = ExpertsDown {
        inner: between.ptr(),
        residual: on_residual.ptr(),
        residual_stride: HIDDEN as u32,
        ids: on_ids.ptr(),
        weights: on_weights.ptr(),
        routed: down,
        shared: Some(shared_down),
        out: out.ptr(),
        out_stride: HIDDEN as u32,
        rows: T,
        top_k: TOP_K,
        inner_width: width,
    };
    upwards.launch(card).expect("the card works");
    downwards.launch(card).expect("the card works");
    let inner: Vec<f32> = between.read(0, T * slots * width).expect("the card works");
    let y: Vec<f32> = out.read(0, T * HIDDEN + 1).expect("the card works");
    assert!(y[T * HIDDEN].is_nan(), "{what}: written too far");
    for t in 0..T {
        let x = normed(&x[t * HIDDEN..][..HIDDEN], &norm);
        let mut want: Vec<f64> = residual[t * HIDDEN..][..HIDDEN].iter().map(|v| f64::from(*v)).collect();
        for slot in 0..slots {
            let (network, expert, weight) = if slot < TOP_K {
                let at = t * TOP_K + slot;
                (&own, ids[at] as usize, f64::from(weights[at]))
            } else {
                (&other, 0, 1.0)
            };
            let joined = network.inner(expert, &x);
            let got = &inner[(t * slots + slot) * width..][..joined.len()];
            close(&format!("{what}: slot {slot}"), got, &joined, 1e-5);
            let got: Vec<f64> = got.iter().map(|v| f64::from(*v)).collect();
            let added = network.0[2].times(expert, &got);
            want.iter_mut().zip(added).for_each(|(sum, v)| *sum += weight * v);
        }
        close(&format!("{what}: row {t}"), &y[t * HIDDEN..][..HIDDEN], &want, 4e-6);
    }
}

#[test]
fn experts_of_every_format_equal_the_definition() {
    let Some(card) = card() else { return };
    for dtype in formats() {
        experts_of(&card, [dtype; 2], [dtype; 2]);
    }
}

/// Some mixtures have a kernel, the others take a launch more.
#[test]
fn shared_experts_may_have_another_format() {
    let Some(card) = card() else { return };
    experts_of(&card, [Dtype::Q4K, Dtype::Q5_0], [Dtype::Q4K, Dtype::Q4K]);
    experts_of(&card, [Dtype::Q4K, Dtype::Q8_0], [Dtype::Q4K, Dtype::Q6K]);
    experts_of(&card, [Dtype::Q4K, Dtype::Q6K], [Dtype::Q8_0, Dtype::Q5_1]);
}

/// Ids and weights of one row.
fn route(card: &Card, router: Route, logits: &[f32], bias: Option<&[f32]>) -> (Vec<u32>, Vec<f32>) {
    let on_logits = uploaded(card, logits);
    let on_bias = bias.map(|bias| uploaded(card, bias));
    let k = router.top_k as usize;
    let [ids, weights] = [0; 2].map(|_| poisoned(card, k * 4));
    let with = Route {
        logits: on_logits.ptr(),
        bias: on_bias.as_ref().map_or(Ptr::NULL, |bias| bias.ptr()),
        ids: ids.ptr(),
        weights: weights.ptr(),
        experts: logits.len() as u32,
        ..router
    };
    with.launch(card).expect("the card works");
    (ids.read(0, k).expect("the card works"), weights.read(0, k).expect("the card works"))
}

fn router(scores: Scores, policy: Policy, [groups, top_groups, top_k]: [u32; 3], normalize: bool) -> Route {
    Route {
        logits: Ptr::NULL,
        bias: Ptr::NULL,
        ids: Ptr::NULL,
        weights: Ptr::NULL,
        rows: 1,
        experts: 0,
        top_k,
        scores,
        policy,
        groups,
        top_groups,
        normalize: u32::from(normalize),
        scale: 1.0,
        pad: 0,
    }
}

#[test]
fn the_router_follows_every_rule() {
    let Some(card) = card() else { return };
    let ids = |router: Route, logits: &[f32], bias: Option<&[f32]>| route(&card, router, logits, bias).0;
    // V2 keeps the group of the single best, V3 that of the best pair.
    let logits = [3.0, -9.0, -9.0, 1.0, 1.5, -9.0];
    let v2 = router(Scores::Softmax, Policy::GroupLimited, [2, 1, 2], false);
    let v3 = router(Scores::Sigmoid, Policy::NoAuxTc, [2, 1, 2], true);
    assert_eq!(ids(v2, &logits, None)[0], 0);
    let (chosen, weights) = route(&card, v3, &logits, Some(&[0.0; 6]));
    assert_eq!(chosen, [4, 3]);
    assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-6, "{weights:?}");
    // The bias selects and does not weigh; negative sums of kept groups come before excluded experts.
    let (chosen, weights) = route(&card, v3, &[0.0; 4], Some(&[0.0, 0.0, 0.5, 0.4]));
    assert_eq!((chosen, weights), (vec![2, 3], vec![0.5, 0.5]));
    assert_eq!(ids(v3, &[-4.0, -4.0, -5.0, -5.0], Some(&[-2.0; 4])), [0, 1]);
    // Ties go to the lower number, a NaN comes first, a single expert keeps its score.
    let greedy = router(Scores::Sigmoid, Policy::Greedy, [1, 1, 2], true);
    assert_eq!(ids(greedy, &[0.0; 300], None), [0, 1]);
    assert_eq!(ids(greedy, &[1.0, 2.0, f32::NAN, 3.0], None), [2, 3]);
    let single = router(Scores::Sigmoid, Policy::Greedy, [1, 1, 1], true);
    assert_eq!(route(&card, single, &[0.0, -1.0], None), (vec![0], vec![0.5]));
}

#[test]
fn softmax_scores_equal_the_definition() {
    let Some(card) = card() else { return };
    let mut random = Random::new(9);
    for experts in [64, 300] {
        let logits: Vec<f32> = random.values(experts).iter().map(|v| v * 4.0).collect();
        let greedy = router(Scores::Softmax, Policy::Greedy, [1, 1, 6], false);
        let (ids, weights) = route(&card, greedy, &logits, None);
        let mut best: Vec<u32> = (0..experts as u32).collect();
        best.sort_by(|a, b| logits[*b as usize].total_cmp(&logits[*a as usize]));
        assert_eq!(ids, best[..6]);
        let sum: f64 = logits.iter().map(|x| f64::from(*x).exp()).sum();
        let want: Vec<f64> = ids.iter().map(|&id| f64::from(logits[id as usize]).exp() / sum).collect();
        close(&format!("{experts} experts"), &weights, &want, 2e-6);
    }
}
