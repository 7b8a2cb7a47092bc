use std::sync::Arc;

use formats::Dtype;
use proptest::prelude::*;

use super::*;
use crate::slices::tensor;
use crate::testing::{NEVER, close, uniform};
use crate::weight::FP8_BLOCK;
use crate::{ActivationDtype, Place};

/// A weight of random bytes; of encoded values for formats in which bytes can be NaN.
fn weight(dtype: Dtype, rows: usize, cols: usize, seed: u64) -> Weight {
    let values = uniform(rows * cols, seed);
    let scales = (dtype == Dtype::F8E4M3)
        .then(|| uniform(rows.div_ceil(FP8_BLOCK) * cols.div_ceil(FP8_BLOCK), seed + 1).into());
    let encodable = [Dtype::F32, Dtype::F16, Dtype::BF16, Dtype::F8E4M3, Dtype::Q8_0, Dtype::Q6K, Dtype::Q4K];
    let bytes = if encodable.contains(&dtype) {
        let mut bytes = Vec::new();
        formats::encode(dtype, &values, &mut bytes);
        bytes
    } else {
        let count = dtype.bytes_of(rows * cols).expect("whole blocks");
        // A high byte of 0x3. keeps every f16 scale between 0.2 and 1.
        values.iter().cycle().take(count).map(|v| 0x30 | ((v + 0.5) * 7.9) as u8).collect()
    };
    Weight::new(rows, cols, dtype, Arc::new(bytes), scales, &Place::Host).expect("the sizes match")
}

/// The largest sum of magnitudes of products: the bound of the rounding error, while the sum itself can
/// cancel to any small value.
fn largest_magnitude_sum(weight: &Weight, x: &[f32]) -> f32 {
    let mut row = vec![0.0; weight.cols()];
    let mut largest = 0.0f32;
    for r in 0..weight.rows() {
        weight.dequantize_row(r, &mut row);
        for token in x.chunks_exact(row.len()) {
            largest = largest.max(row.iter().zip(token).map(|(w, x)| (w * x).abs()).sum());
        }
    }
    largest
}

fn cols_of(dtype: Dtype, cols: usize) -> usize {
    cols.next_multiple_of(dtype.block_len())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn every_format_equals_the_reference(rows in 1usize..200, cols in 1usize..300, n in 1usize..5, seed in 0u64..1000) {
        for &dtype in Dtype::ALL {
            let weight = weight(dtype, rows, cols_of(dtype, cols), seed);
            let x = uniform(n * weight.cols(), seed + 2);
            let expected = weight.matmul_reference(&x);
            prop_assert!(expected.iter().all(|y| y.is_finite()), "{:?}", dtype);
            let largest = expected.iter().fold(largest_magnitude_sum(&weight, &x) / 16.0, |largest, y| largest.max(y.abs())).max(1.0);
            let expected: Vec<f32> = expected.iter().map(|y| y / largest).collect();
            for prefill in [PrefillRows::none(), PrefillRows::all()] {
                let actual: Vec<f32> = weight.matmul(&x, &prefill, &NEVER).iter().map(|y| y / largest).collect();
                close(&actual, &expected, 2e-5);
            }
        }
    }

    #[test]
    fn whole_numbers_are_within_the_rounding_of_activations(rows in 1usize..40, cols in 1usize..2600, n in 1usize..11, seed in 0u64..1000) {
        for &dtype in Dtype::ALL {
            let exact = weight(dtype, rows, cols_of(dtype, cols), seed);
            let x = uniform(n * exact.cols(), seed + 2);
            let whole = exact.clone().with_activations(ActivationDtype::Int16);
            let expected = exact.matmul_reference(&x);
            // Activations are below a half, so half a step is at most 2^-17, for each column.
            let bound = 2f32.powi(-16) * largest_magnitude_sum(&exact, &vec![0.5; exact.cols()]) + 1e-6;
            for prefill in [PrefillRows::none(), PrefillRows::all()] {
                let actual = whole.matmul(&x, &prefill, &NEVER);
                for (actual, expected) in actual.iter().zip(&expected) {
                    prop_assert!((actual - expected).abs() <= bound, "{:?}: {} {} {}", dtype, actual, expected, bound);
                }
                // A token alone has the bits that it has among others.
                for (t, token) in x.chunks_exact(exact.cols()).enumerate() {
                    let alone = whole.matmul(token, &prefill, &NEVER);
                    prop_assert_eq!(&alone, &actual[t * rows..][..rows]);
                }
            }
        }
    }

    #[test]
    fn results_are_batch_invariant(rows in 1usize..70, cols in 1usize..1600, n in 2usize..7, seed in 0u64..1000) {
        for dtype in [Dtype::BF16, Dtype::F32, Dtype::Q8_0] {
            let weight = weight(dtype, rows, cols_of(dtype, cols), seed).with_activations(ActivationDtype::Int16);
            let cols = weight.cols();
            let x = uniform(n * cols, seed);
            // Each token alone, of a prefill or not, against a batch of both kinds.
            let mixed = weight.matmul(&x, &PrefillRows::from_steps([(1, false), (17, true)]), &NEVER);
            for (t, token) in x.chunks_exact(cols).enumerate() {
                let prefill = if t == 0 { PrefillRows::none() } else { PrefillRows::all() };
                prop_assert_eq!(&weight.matmul(token, &prefill, &NEVER), &mixed[t * rows..][..rows]);
            }
        }
    }
}

#[test]
fn a_block_scale_reaches_exactly_its_block() {
    let (rows, cols) = (130, 129);
    let bytes = Arc::new(vec![0x38u8; rows * cols]);
    let scales = Some([1.0, 2.0, 4.0, 8.0].into());
    let weight =
        Weight::new(rows, cols, Dtype::F8E4M3, bytes, scales, &Place::Host).expect("the sizes match");
    let mut row = vec![0.0; cols];
    weight.dequantize_row(127, &mut row);
    assert_eq!((row[127], row[128]), (1.0, 2.0));
    weight.dequantize_row(128, &mut row);
    assert_eq!((row[127], row[128]), (4.0, 8.0));
    assert_eq!(weight.bytes(), (rows * cols + 16) as u64);
}

#[test]
fn sizes_that_do_not_match_are_refused() {
    let check = |rows, cols, dtype, bytes: usize, scales: Option<usize>| {
        let scales = scales.map(|count| vec![1.0; count].into());
        let weight = Weight::new(rows, cols, dtype, Arc::new(vec![0u8; bytes]), scales, &Place::Host);
        assert!(weight.is_err(), "{rows} x {cols} {dtype:?}");
    };
    check(2, 3, Dtype::F32, 23, None);
    check(2, 100, Dtype::Q4K, 144, None);
    check(2, 2, Dtype::F8E4M3, 4, Some(2));
    check(2, 2, Dtype::F32, 16, Some(1));
    check(usize::MAX, 4, Dtype::F32, 16, None);
    check(0, 4, Dtype::F32, 0, None);
}

#[test]
fn a_bias_is_added_to_every_token() {
    let linear =
        Linear::new(weight(Dtype::F32, 5, 7, 1), Some(uniform(5, 2)), &Place::Host).expect("the sizes match");
    let x = uniform(14, 3);
    let y = linear
        .forward(&tensor(x.clone(), (2, 7)).unwrap(), &PrefillRows::none())
        .unwrap()
        .to_vec2::<f32>()
        .unwrap();
    let plain = linear.weight().matmul_reference(&x);
    for (y, plain) in y.iter().zip(plain.chunks_exact(5)) {
        let sum: Vec<f32> = plain.iter().zip(uniform(5, 2)).map(|(a, b)| a + b).collect();
        close(y, &sum, 1e-6);
    }
    assert!(Linear::new(weight(Dtype::F32, 5, 7, 1), Some(vec![0.0; 4]), &Place::Host).is_err());
}

#[test]
fn requantizing_keeps_the_values_within_the_format() {
    let from = weight(Dtype::BF16, 9, 512, 4);
    let mut before = vec![0.0; 512];
    let mut after = before.clone();
    let mut check = |dtype: Dtype, bytes: u64, bound: f32| {
        let requantized = from.requantize(dtype).expect("whole blocks");
        assert_eq!((requantized.bytes(), requantized.dtype()), (bytes, dtype));
        for r in 0..9 {
            from.dequantize_row(r, &mut before);
            requantized.dequantize_row(r, &mut after);
            assert!(before.iter().zip(&after).all(|(a, b)| (a - b).abs() <= bound), "{dtype:?}");
        }
    };
    check(Dtype::Q8_0, 9 * 512 / 32 * 34, 0.0025);
    check(Dtype::Q6K, 9 * 2 * 210, 0.02);
    check(Dtype::Q4K, 9 * 2 * 144, 0.06);
    assert!(from.requantize(Dtype::IQ2S).is_err(), "only decoded");
    assert!(weight(Dtype::BF16, 2, 100, 1).requantize(Dtype::Q4K).is_err(), "no whole blocks");
}
