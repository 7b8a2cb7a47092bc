//! The products of decode against the definition in f64: every format, norms, biases, ragged ends, and a row
//! alone against the row in company.
mod common;

use common::{Random, card, close, decoded, formats, poisoned, uploaded};
use cuda::ops::gemm::Product;
use cuda::ops::gemv::{Embed, Gemv};
use cuda::{Buffer, Card, Dtype, Matrix, Ptr};

const EPS: f32 = 1e-6;

/// A matrix on the card, and its values.
struct Weights {
    matrix: Matrix,
    values: Vec<f32>,
    cols: usize,
}

impl Weights {
    fn new(card: &Card, random: &mut Random, dtype: Dtype, rows: usize, cols: usize) -> Self {
        let bytes = random.weights(dtype, rows, cols);
        let matrix = Matrix::upload(card, dtype, rows, cols, &bytes, None).expect("room for a test");
        Self { matrix, values: decoded(dtype, &bytes, rows * cols), cols }
    }

    /// The product with one row.
    fn times(&self, x: &[f64]) -> Vec<f64> {
        let row = |row: &[f32]| row.iter().zip(x).map(|(w, x)| f64::from(*w) * x).sum();
        self.values.chunks_exact(self.cols).map(row).collect()
    }

    /// Its product into `y` [rows, stride].
    fn product(&self, y: &Buffer, y_stride: usize) -> Product {
        let weight = self.matrix.mat();
        Product { weight, bias: Ptr::NULL, y: y.ptr(), y_stride: y_stride as u32 }
    }
}

/// The input [rows, cols] of a product that norms it first.
fn input(x: &Buffer, norm: &Buffer, [rows, cols]: [usize; 2]) -> Gemv {
    Gemv {
        x: x.ptr(),
        x_stride: cols as u32,
        rows: rows as u32,
        norm: norm.ptr(),
        eps: EPS,
        residual: Ptr::NULL,
        residual_stride: 0,
    }
}

fn normed(x: &[f32], weight: &[f32]) -> Vec<f64> {
    let mean = x.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / x.len() as f64;
    let root = (mean + f64::from(EPS)).sqrt();
    x.iter().zip(weight).map(|(x, w)| f64::from(*x) / root * f64::from(*w)).collect()
}

/// Columns that end inside a group of tasks.
fn ragged(dtype: Dtype) -> usize {
    match dtype.block_len() {
        1 => 1003,
        32 => 1376,
        _ => 1536,
    }
}

#[test]
fn every_format_equals_the_definition_alone_and_in_company() {
    let Some(card) = card() else { return };
    for dtype in formats() {
        for (rows, cols) in [(5, 256), (133, 1280), (70, ragged(dtype))] {
            two_products(&card, dtype, rows, cols);
        }
    }
}

fn two_products(card: &Card, dtype: Dtype, rows: usize, cols: usize) {
    const T: usize = 3;
    const BESIDE: usize = 37;
    let random = &mut Random::new(1);
    let first = Weights::new(card, random, dtype, rows, cols);
    let second = Weights::new(card, random, dtype, BESIDE, cols);
    let (x, norm) = (random.values(T * cols), random.values(cols));
    let (bias, residual) = (random.values(rows), random.values(T * rows));
    let [on_x, on_norm, on_bias, on_residual] =
        [&x, &norm, &bias, &residual].map(|values| uploaded(card, values));
    let gemv = Gemv {
        residual: on_residual.ptr(),
        residual_stride: rows as u32,
        ..input(&on_x, &on_norm, [T, cols])
    };
    let run = |gemv: Gemv, count: usize| {
        let outs = [rows, BESIDE].map(|rows| poisoned(card, (count * rows + 1) * 4));
        let with_bias = Product { bias: on_bias.ptr(), ..first.product(&outs[0], rows) };
        gemv.launch(card, &[with_bias, second.product(&outs[1], BESIDE)]).expect("the card works");
        let read = |out: &Buffer, rows: usize| -> Vec<f32> {
            let mut y: Vec<f32> = out.read(0, count * rows + 1).expect("the card works");
            assert!(y.pop().is_some_and(f32::is_nan), "{dtype:?} {rows} x {cols}: written too far");
            y
        };
        [read(&outs[0], rows), read(&outs[1], BESIDE)]
    };
    let [y, beside] = run(gemv, T);
    for row in 0..T {
        let what = format!("{dtype:?} {rows} x {cols}, row {row}");
        let x = normed(&x[row * cols..][..cols], &norm);
        let added = bias.iter().zip(&residual[row * rows..]).map(|(a, b)| f64::from(*a) + f64::from(*b));
        let want: Vec<f64> = first.times(&x).iter().zip(added).map(|(y, added)| y + added).collect();
        close(&what, &y[row * rows..][..rows], &want, 4e-6);
        close(&what, &beside[row * BESIDE..][..BESIDE], &second.times(&x), 4e-6);
        let alone = Gemv {
            x: on_x.ptr::<f32>().offset(row * cols),
            rows: 1,
            residual: on_residual.ptr::<f32>().offset(row * rows),
            ..gemv
        };
        let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        let [again, _] = run(alone, 1);
        assert_eq!(bits(&again), bits(&y[row * rows..][..rows]), "{what}: other bits in company");
    }
}

#[test]
fn columns_beyond_shared_memory_are_taken_in_ranges() {
    let Some(card) = card() else { return };
    let random = &mut Random::new(2);
    for (dtype, cols) in [(Dtype::Q4K, 131 * 256), (Dtype::F16, 33_003), (Dtype::Q8_0, 33_056)] {
        let weights = Weights::new(&card, random, dtype, 19, cols);
        let (x, norm) = (random.values(cols), random.values(cols));
        let [on_x, on_norm] = [&x, &norm].map(|values| uploaded(&card, values));
        let out = poisoned(&card, 19 * 4);
        let gemv = input(&on_x, &on_norm, [1, cols]);
        gemv.launch(&card, &[weights.product(&out, 19)]).expect("the card works");
        let y: Vec<f32> = out.read(0, 19).expect("the card works");
        close(&format!("{dtype:?}"), &y, &weights.times(&normed(&x, &norm)), 4e-6);
    }
}

/// More columns than planes of activations fit: the launches that follow add to the product of the first.
#[test]
fn columns_beyond_the_planes_of_a_launch_are_added_up() {
    let Some(card) = card() else { return };
    let random = &mut Random::new(5);
    for (dtype, cols) in [(Dtype::Q4K, 317 * 256), (Dtype::Q6K, 700 * 256), (Dtype::Q8_0, 81_152)] {
        let weights = Weights::new(&card, random, dtype, 19, cols);
        let (x, bias, residual) = (random.values(2 * cols), random.values(19), random.values(2 * 19));
        let [on_x, on_bias, on_residual] = [&x, &bias, &residual].map(|values| uploaded(&card, values));
        let out = poisoned(&card, 2 * 19 * 4);
        let gemv = Gemv {
            norm: Ptr::NULL,
            residual: on_residual.ptr(),
            residual_stride: 19,
            ..input(&on_x, &on_x, [2, cols])
        };
        let product = Product { bias: on_bias.ptr(), ..weights.product(&out, 19) };
        gemv.launch(&card, &[product]).expect("the card works");
        let y: Vec<f32> = out.read(0, 2 * 19).expect("the card works");
        for (row, x) in x.chunks_exact(cols).enumerate() {
            let x: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
            let added = bias.iter().zip(&residual[row * 19..]).map(|(a, b)| f64::from(*a) + f64::from(*b));
            let want: Vec<f64> = weights.times(&x).iter().zip(added).map(|(y, added)| y + added).collect();
            close(&format!("{dtype:?}, row {row}"), &y[row * 19..][..19], &want, 4e-6);
        }
    }
}

#[test]
fn gate_and_up_are_joined() {
    const ROWS: usize = 77;
    const STRIDE: usize = 80;
    let Some(card) = card() else { return };
    let random = &mut Random::new(3);
    for dtype in formats() {
        let cols = ragged(dtype);
        let [gate, up] = [0; 2].map(|_| Weights::new(&card, random, dtype, ROWS, cols));
        let (x, norm) = (random.values(2 * cols), random.values(cols));
        let [on_x, on_norm] = [&x, &norm].map(|values| uploaded(&card, values));
        let out = poisoned(&card, 2 * STRIDE * 4);
        let pair = [gate.product(&out, STRIDE), up.product(&out, STRIDE)];
        input(&on_x, &on_norm, [2, cols]).launch_silu(&card, pair).expect("the card works");
        let y: Vec<f32> = out.read(0, 2 * STRIDE).expect("the card works");
        for (x, y) in x.chunks_exact(cols).zip(y.chunks_exact(STRIDE)) {
            let x = normed(x, &norm);
            let silu_mul = |(gate, up): (f64, f64)| gate / (1.0 + (-gate).exp()) * up;
            let want: Vec<f64> = gate.times(&x).into_iter().zip(up.times(&x)).map(silu_mul).collect();
            close(&format!("{dtype:?}"), &y[..ROWS], &want, 1e-5);
            assert!(y[ROWS..].iter().all(|v| v.is_nan()), "{dtype:?}: written too far");
        }
    }
}

#[test]
fn rows_of_a_table_have_the_bits_of_the_file() {
    let Some(card) = card() else { return };
    let random = &mut Random::new(4);
    for dtype in formats() {
        let cols = if dtype.block_len() == 1 { 77 } else { 512 };
        let table = Weights::new(&card, random, dtype, 130, cols);
        let tokens = [129u32, 0, 64];
        let (on_tokens, out) = (uploaded(&card, &tokens), poisoned(&card, 3 * cols * 4));
        let (weight, out_stride) = (table.matrix.mat(), cols as u32);
        let embed = Embed { weight, tokens: on_tokens.ptr(), out: out.ptr(), rows: 3, out_stride };
        embed.launch(&card).expect("the card works");
        let rows: Vec<f32> = out.read(0, 3 * cols).expect("the card works");
        for (token, row) in tokens.iter().zip(rows.chunks_exact(cols)) {
            assert_eq!(row, &table.values[*token as usize * cols..][..cols], "{dtype:?}, token {token}");
        }
    }
}
