//! A check of a card before a model is loaded to it: products of the kernels of decode beside the definition,
//! in every format that this program can write. A card with defective memory, or a driver that runs kernels
//! wrongly, is found before it answers anybody.
use cuda::ops::gemm::Product;
use cuda::ops::gemv::Gemv;
use cuda::{Buffer, Matrix, Ptr};
use formats::Dtype;

use crate::card_memory::CardMemory;

const ROWS: usize = 64;
const COLS: usize = 512;
/// Of the root of the mean square of an output; the kernels' own tests hold them to 4e-6.
const TOLERANCE: f64 = 1e-4;
const DTYPES: [Dtype; 6] = [Dtype::F32, Dtype::F16, Dtype::BF16, Dtype::Q8_0, Dtype::Q6K, Dtype::Q4K];

/// Why a card must not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckError {
    /// It computes something else.
    Wrong(String),
    Card(cuda::Error),
}

impl From<cuda::Error> for CheckError {
    fn from(error: cuda::Error) -> Self {
        Self::Card(error)
    }
}

/// Takes some tens of milliseconds, most of them to pin memory.
///
/// # Errors
/// When a product differs, or the card fails.
pub fn check_products(memory: &CardMemory) -> Result<(), CheckError> {
    let (card, weights, x) = (memory.card(), values(ROWS * COLS, 3), values(COLS, 7));
    let uploaded = |dtype: Dtype| {
        let mut bytes = Vec::new();
        formats::encode(dtype, &weights, &mut bytes);
        let mut decoded = vec![0.0; weights.len()];
        formats::decode(dtype, &bytes, &mut decoded);
        Ok((Matrix::upload(card, dtype, ROWS, COLS, &bytes, None)?, decoded))
    };
    let matrices: Vec<(Matrix, Vec<f32>)> = DTYPES.into_iter().map(uploaded).collect::<cuda::Result<_>>()?;
    card.finish_uploads()?;
    for (matrix, decoded) in &matrices {
        check_rows(matrix.dtype(), decoded, &x, &product(memory, matrix, &x)?)?;
    }
    Ok(())
}

/// The product of the matrix with `x`, by the card.
fn product(memory: &CardMemory, matrix: &Matrix, x: &[f32]) -> cuda::Result<Vec<f32>> {
    let card = memory.card();
    let on_card = Buffer::new(card, COLS * 4)?;
    on_card.write(0, x)?;
    let y = Buffer::new(card, ROWS * 4)?;
    let gemv = Gemv {
        x: on_card.ptr(),
        x_stride: COLS as u32,
        rows: 1,
        norm: Ptr::NULL,
        eps: 0.0,
        residual: Ptr::NULL,
        residual_stride: 0,
    };
    let product = Product { weight: matrix.mat(), bias: Ptr::NULL, y: y.ptr(), y_stride: ROWS as u32 };
    gemv.launch(card, &[product])?;
    y.read(0, ROWS)
}

fn check_rows(dtype: Dtype, weights: &[f32], x: &[f32], y: &[f32]) -> Result<(), CheckError> {
    let dot = |row: &[f32]| row.iter().zip(x).map(|(w, x)| f64::from(*w) * f64::from(*x)).sum::<f64>();
    let want: Vec<f64> = weights.chunks_exact(COLS).map(dot).collect();
    let rms = (want.iter().map(|y| y * y).sum::<f64>() / want.len() as f64).sqrt();
    for (row, (&y, want)) in y.iter().zip(want).enumerate() {
        // A comparison with NaN is false.
        let close = (f64::from(y) - want).abs() <= TOLERANCE * rms;
        if !close {
            let name = dtype.name();
            return Err(CheckError::Wrong(format!("{y} for {want:.3} in row {row} of a product in {name}")));
        }
    }
    Ok(())
}

/// Values of both signs in -1..1, the same each time.
fn values(count: usize, seed: u32) -> Vec<f32> {
    let value = |at: usize| {
        let mixed = (at as u32).wrapping_mul(2_654_435_761).wrapping_add(seed.wrapping_mul(0x9E37_79B9));
        (mixed >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_that_is_off_is_an_error() {
        let (weights, x) = (values(ROWS * COLS, 3), values(COLS, 7));
        let row = |row: &[f32]| row.iter().zip(&x).map(|(w, x)| w * x).sum::<f32>();
        let right: Vec<f32> = weights.chunks_exact(COLS).map(row).collect();
        let check = |y: &[f32]| check_rows(Dtype::F32, &weights, &x, y).is_ok();
        assert!(check(&right));
        let wrong = |at: usize, value: f32| {
            right.iter().enumerate().map(|(row, y)| if row == at { value } else { *y }).collect::<Vec<_>>()
        };
        assert!(!check(&wrong(5, right[5] + 0.1)));
        assert!(!check(&wrong(63, f32::NAN)));
        assert!(!check(&vec![0.0; ROWS]));
    }

    #[test]
    fn the_card_of_this_machine_computes_what_is_right() {
        let Ok(memory) = CardMemory::open(0) else { return };
        check_products(&memory).expect("it computes");
    }
}
