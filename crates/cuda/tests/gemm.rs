//! Products on tensor cores against the same sums in f64: every format, sizes that fill no tile, and the same
//! bits for a row whatever its company. Prints and does nothing where there is no card.
mod common;

use common::{Random, close, poisoned, uploaded};
use cuda::ops::gemm::{self, Bucket, Buckets, Combine, Product, SplitInput, SplitRows};
use cuda::{Buffer, Card, Dtype, Matrix, Ptr};

const EPS: f32 = 1e-6;
/// Of the largest product.
const BOUND: f64 = 1e-5;

struct Weights {
    matrix: Matrix,
    values: Vec<f32>,
}

fn weights(card: &Card, random: &mut Random, dtype: Dtype, rows: usize, cols: usize) -> Weights {
    let bytes = random.weights(dtype, rows, cols);
    let scales: Vec<f32> =
        (0..rows.div_ceil(128) * cols.div_ceil(128)).map(|_| 0.5 + random.value().abs()).collect();
    let scales = (dtype == Dtype::F8E4M3).then_some(&scales[..]);
    let mut values = common::decoded(dtype, &bytes, rows * cols);
    if let Some(scales) = scales {
        for (at, value) in values.iter_mut().enumerate() {
            *value *= scales[at / cols / 128 * cols.div_ceil(128) + at % cols / 128];
        }
    }
    let matrix = Matrix::upload(card, dtype, rows, cols, &bytes, scales).expect("room for a test");
    Weights { matrix, values }
}

/// `rows` rows of `cols` values in two parts, with the memory that holds them.
fn split(card: &Card, x: Ptr<f32>, norm: Ptr<f32>, rows: usize, cols: usize) -> (SplitInput, Buffer) {
    let memory = poisoned(card, SplitInput::bytes(rows, cols));
    let input = SplitInput::at(memory.ptr(), rows, cols);
    let SplitInput { high, low, sums, inverse, width, groups } = input;
    let (rows, cols) = (rows as u32, cols as u32);
    let step =
        SplitRows { x, norm, high, low, sums, inverse, rows, cols, x_stride: cols, width, groups, eps: EPS };
    step.launch(card).expect("works");
    (input, memory)
}

/// `x` [.., cols] times the rows of `weights` [.., cols].
fn product_of(x: &[f64], weights: &[f32], cols: usize) -> Vec<f64> {
    let dot = |x: &[f64], w: &[f32]| x.iter().zip(w).map(|(x, w)| x * f64::from(*w)).sum();
    x.chunks_exact(cols).flat_map(|x| weights.chunks_exact(cols).map(move |w| dot(x, w))).collect()
}

fn normed(x: &[f32], norm: &[f32]) -> Vec<f64> {
    let row = |x: &[f32]| -> Vec<f64> {
        let mean = x.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / x.len() as f64;
        let root = 1.0 / (mean + f64::from(EPS)).sqrt();
        x.iter().zip(norm).map(|(v, w)| f64::from(*v) * root * f64::from(*w)).collect()
    };
    x.chunks_exact(norm.len()).flat_map(row).collect()
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

fn silu(v: f64) -> f64 {
    v / (1.0 + (-v).exp())
}

#[test]
fn every_format_is_exact_and_a_row_is_the_same_in_every_company() {
    const T: usize = 150;
    const ROWS: usize = 136;
    const COLS: usize = 512;
    let Some(card) = common::card() else { return };
    let mut random = Random::new(3);
    for dtype in common::formats() {
        let weights = weights(&card, &mut random, dtype, ROWS, COLS);
        let (mut x, norm) = (random.values(T * COLS), random.values(COLS));
        // One column far above the others, and rows of unlike size.
        for (at, value) in x.iter_mut().enumerate() {
            *value *= if at % COLS == 5 { 60.0 } else { 1.0 + (at / COLS) as f32 };
        }
        let (bias, residual) = (random.values(ROWS), random.values(T * ROWS));
        let mut want = product_of(&normed(&x, &norm), &weights.values, COLS);
        for (at, want) in want.iter_mut().enumerate() {
            *want += f64::from(bias[at % ROWS]) + f64::from(residual[at]);
        }
        let [x, norm, bias, residual] =
            [&x[..], &norm, &bias, &residual].map(|values| uploaded(&card, values));
        let run = |first: usize, rows: usize| -> Vec<f32> {
            let (input, _memory) = split(&card, x.ptr::<f32>().offset(first * COLS), norm.ptr(), rows, COLS);
            let y = poisoned(&card, (rows + 1) * ROWS * 4);
            let product =
                Product { weight: weights.matrix.mat(), bias: bias.ptr(), y: y.ptr(), y_stride: ROWS as u32 };
            let residual = residual.ptr::<f32>().offset(first * ROWS);
            gemm::products(&card, input, rows, &[product], residual).expect("works");
            let mut got = y.read::<f32>(0, (rows + 1) * ROWS).expect("works");
            assert!(got.drain(rows * ROWS..).all(f32::is_nan), "{dtype:?}: a row too many");
            got
        };
        let all = run(0, T);
        close(&format!("{dtype:?}"), &all, &want, BOUND);
        for (first, rows) in [(0, 16), (40, 33), (130, 20)] {
            let alone = run(first, rows);
            let same = alone.iter().zip(&all[first * ROWS..]).all(|(a, b)| a.to_bits() == b.to_bits());
            assert!(same, "{dtype:?}: rows {first}.. alone");
        }
    }
}

#[test]
fn matrices_of_one_launch_are_those_of_three() {
    const T: usize = 70;
    const COLS: usize = 256;
    let Some(card) = common::card() else { return };
    let mut random = Random::new(5);
    let heights = [200, 64, 130];
    let all = heights.map(|rows| weights(&card, &mut random, Dtype::Q4K, rows, COLS));
    let x = random.values(T * COLS);
    let (input, _memory) = split(&card, uploaded(&card, &x).ptr(), Ptr::NULL, T, COLS);
    let y = heights.map(|rows| poisoned(&card, T * rows * 4));
    let products: Vec<Product> = all
        .iter()
        .zip(&y)
        .map(|(weights, y)| {
            let weight = weights.matrix.mat();
            Product { weight, bias: Ptr::NULL, y: y.ptr(), y_stride: weights.matrix.rows() as u32 }
        })
        .collect();
    gemm::products(&card, input, T, &products, Ptr::NULL).expect("works");
    for ((weights, y), rows) in all.iter().zip(&y).zip(heights) {
        let want = product_of(&wide(&x), &weights.values, COLS);
        close(&format!("{rows} rows"), &y.read::<f32>(0, T * rows).expect("works"), &want, BOUND);
    }
}

#[test]
fn rows_go_through_their_experts() {
    const T: usize = 130;
    const K: usize = 3;
    const EXPERTS: usize = 8;
    const HIDDEN: usize = 512;
    const INNER: usize = 256;
    const PAIRS: usize = T * K;
    let Some(card) = common::card() else { return };
    let mut random = Random::new(7);
    let mut stack = |dtype, rows, cols| {
        let parts: Vec<Vec<u8>> = (0..EXPERTS).map(|_| random.weights(dtype, rows, cols)).collect();
        let values: Vec<Vec<f32>> =
            parts.iter().map(|bytes| common::decoded(dtype, bytes, rows * cols)).collect();
        let parts: Vec<_> = parts.iter().map(|bytes| (&bytes[..], None)).collect();
        (Matrix::upload_stack(&card, dtype, rows, cols, &parts).expect("room"), values)
    };
    let gate = stack(Dtype::Q4K, INNER, HIDDEN);
    let up = stack(Dtype::Q4K, INNER, HIDDEN);
    let down = stack(Dtype::Q5_0, HIDDEN, INNER);
    let [x, shared, residual] = [(); 3].map(|()| random.values(T * HIDDEN));
    let weights = random.values(PAIRS);
    // Three experts a row in no order, and one that nobody chose.
    let chosen = [[7, 0, 5], [4, 1, 6], [1, 2, 5], [7, 0, 6], [4, 1, 5]];
    let ids: Vec<u32> = (0..T).flat_map(|t| chosen[t % chosen.len()]).collect();

    let mut want: Vec<f64> = wide(&shared).iter().zip(&residual).map(|(a, b)| a + f64::from(*b)).collect();
    for (pair, &id) in ids.iter().enumerate() {
        let (row, id) = (pair / K, id as usize);
        let x = wide(&x[row * HIDDEN..][..HIDDEN]);
        let [gate, up] = [&gate, &up].map(|stack| product_of(&x, &stack.1[id], HIDDEN));
        let inner: Vec<f64> = gate.iter().zip(up).map(|(gate, up)| silu(*gate) * up).collect();
        let answer = product_of(&inner, &down.1[id], INNER);
        for (want, answer) in want[row * HIDDEN..].iter_mut().zip(answer) {
            *want += f64::from(weights[pair]) * answer;
        }
    }

    let columns = Buckets::columns(&card, PAIRS, EXPERTS, INNER);
    let most = Buckets::most(PAIRS, EXPERTS, columns);
    let [order, tiles] = [PAIRS, most * 3].map(|count| poisoned(&card, count * 4));
    let [shared, residual, weights, x] =
        [&shared[..], &residual, &weights, &x].map(|values| uploaded(&card, values));
    let ids = uploaded(&card, &ids);
    let (pairs, experts, width) = (PAIRS as u32, EXPERTS as u32, HIDDEN as u32);
    let (columns, most) = (columns as u32, most as u32);
    let bucket =
        Bucket { ids: ids.ptr(), order: order.ptr(), tiles: tiles.ptr(), pairs, experts, columns, most };
    bucket.launch(&card).expect("works");
    let buckets = Buckets { tiles: tiles.ptr(), order: order.ptr(), columns, most };
    let [h, answers, y] = [PAIRS * INNER, PAIRS * HIDDEN, T * HIDDEN].map(|count| poisoned(&card, count * 4));
    let product = |stack: &(Vec<Matrix>, _), y: &Buffer| {
        let matrix = &stack.0[0];
        Product { weight: matrix.mat(), bias: Ptr::NULL, y: y.ptr(), y_stride: matrix.rows() as u32 }
    };
    let (input, _rows) = split(&card, x.ptr(), Ptr::NULL, T, HIDDEN);
    gemm::grouped_pair(&card, input, [product(&gate, &h), product(&up, &h)], buckets, K as u32)
        .expect("works");
    let (inner, _pairs) = split(&card, h.ptr(), Ptr::NULL, PAIRS, INNER);
    gemm::grouped_product(&card, inner, product(&down, &answers), buckets, 1).expect("works");
    let combine = Combine {
        pairs: answers.ptr(),
        ids: ids.ptr(),
        weights: weights.ptr(),
        shared: shared.ptr(),
        residual: residual.ptr(),
        y: y.ptr(),
        rows: T as u32,
        k: K as u32,
        width,
        pad: 0,
    };
    combine.launch(&card).expect("works");
    // Two products, of which the second takes the rounding of the first.
    close("experts", &y.read::<f32>(0, T * HIDDEN).expect("works"), &want, 4.0 * BOUND);
}
