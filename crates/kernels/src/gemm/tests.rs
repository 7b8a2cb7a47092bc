use std::sync::Arc;

use candle_core::Device;
use formats::Dtype;
use proptest::prelude::*;

use super::*;
use crate::slices::tensor;
use crate::testing::{NEVER, close, numbers};
use crate::weight::BLOCK;

/// A weight of random bytes; where a byte pattern can be no number, numbers that were encoded.
fn weight(dtype: Dtype, rows: usize, cols: usize, seed: u64) -> Weight {
    let values = numbers(rows * cols, seed);
    let scales = (dtype == Dtype::F8E4M3)
        .then(|| numbers(rows.div_ceil(BLOCK) * cols.div_ceil(BLOCK), seed + 1).into());
    let encodable = [Dtype::F32, Dtype::F16, Dtype::BF16, Dtype::F8E4M3, Dtype::Q8_0, Dtype::Q6K, Dtype::Q4K];
    let bytes = if encodable.contains(&dtype) {
        let mut bytes = Vec::new();
        formats::encode(dtype, &values, &mut bytes);
        bytes
    } else {
        let count = dtype.bytes_of(rows * cols).expect("whole blocks");
        // 0x3.. in the high byte keeps every half-precision scale between 0.2 and 1.
        values.iter().cycle().take(count).map(|v| 0x30 | ((v + 0.5) * 7.9) as u8).collect()
    };
    Weight::new(rows, cols, dtype, Arc::new(bytes), scales, &Device::Cpu).expect("the sizes match")
}

/// Of the magnitudes of the products that are summed, because what is left of them can be as small as it likes while their roundings,
/// which mostly cancel, stay.
fn largest_sum(weight: &Weight, x: &[f32]) -> f32 {
    let mut row = vec![0.0; weight.cols()];
    let mut largest = 0.0f32;
    for r in 0..weight.rows() {
        weight.row(r, &mut row);
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
            let x = numbers(n * weight.cols(), seed + 2);
            let slow = weight.matmul_reference(&x);
            prop_assert!(slow.iter().all(|y| y.is_finite()), "{:?}", dtype);
            let largest = slow.iter().fold(largest_sum(&weight, &x) / 16.0, |largest, y| largest.max(y.abs())).max(1.0);
            let slow: Vec<f32> = slow.iter().map(|y| y / largest).collect();
            for prompts in [Prompts::none(), Prompts::all()] {
                let fast: Vec<f32> = weight.matmul(&x, &prompts, &NEVER).iter().map(|y| y / largest).collect();
                close(&fast, &slow, 2e-5);
            }
        }
    }

    #[test]
    fn a_token_has_the_same_result_in_any_company(rows in 1usize..70, cols in 1usize..1600, n in 2usize..7, seed in 0u64..1000) {
        for dtype in [Dtype::BF16, Dtype::F32] {
            let weight = weight(dtype, rows, cols, seed);
            let x = numbers(n * cols, seed);
            // Each of the tokens as one of few, as one of many, and beside those of the other kind.
            let mixed = weight.matmul(&x, &Prompts::of([(1, false), (17, true)]), &NEVER);
            for (t, token) in x.chunks_exact(cols).enumerate() {
                let prompts = if t == 0 { Prompts::none() } else { Prompts::all() };
                prop_assert_eq!(&weight.matmul(token, &prompts, &NEVER), &mixed[t * rows..][..rows]);
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
        Weight::new(rows, cols, Dtype::F8E4M3, bytes, scales, &Device::Cpu).expect("the sizes match");
    let mut row = vec![0.0; cols];
    weight.row(127, &mut row);
    assert_eq!((row[127], row[128]), (1.0, 2.0));
    weight.row(128, &mut row);
    assert_eq!((row[127], row[128]), (4.0, 8.0));
    assert_eq!(weight.bytes(), (rows * cols + 16) as u64);
}

#[test]
fn sizes_that_do_not_match_are_refused() {
    let check = |rows, cols, dtype, bytes: usize, scales: Option<usize>| {
        let scales = scales.map(|count| vec![1.0; count].into());
        let weight = Weight::new(rows, cols, dtype, Arc::new(vec![0u8; bytes]), scales, &Device::Cpu);
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
fn the_device_form_equals_the_fused_one() {
    let x = tensor(numbers(3 * 256, 9), (3, 256)).expect("the sizes match");
    for &dtype in Dtype::ALL {
        let plain = weight(dtype, 37, 256, 5);
        let device = plain.in_tensor(&Device::Cpu).expect("memory");
        let values = |y: Tensor| y.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let (fast, slow) = (
            values(device.forward(&x, &Prompts::none()).unwrap()),
            values(plain.forward(&x, &Prompts::none()).unwrap()),
        );
        let largest = slow.iter().fold(1.0f32, |largest, y| largest.max(y.abs()));
        let exact = matches!(dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16);
        for (a, b) in fast.iter().zip(&slow) {
            // Others are rounded to bf16: half a step is 2^-9 of each weight.
            assert!((a - b).abs() < largest * if exact { 1e-5 } else { 1e-2 }, "{dtype:?} {a} {b}");
        }
        let ids = [3, 0, 36];
        let (rows, same) = (values(plain.select(&ids).unwrap()), values(device.select(&ids).unwrap()));
        close(&same, &rows, if exact { 0.0 } else { 4e-3 });
        assert!(plain.select(&[37]).is_err());
    }
}

#[test]
fn a_bias_is_added_to_every_token() {
    let linear = Linear::new(weight(Dtype::F32, 5, 7, 1), Some(numbers(5, 2))).expect("the sizes match");
    let x = numbers(14, 3);
    let y = linear
        .forward(&tensor(x.clone(), (2, 7)).unwrap(), &Prompts::none())
        .unwrap()
        .to_vec2::<f32>()
        .unwrap();
    let plain = linear.weight().matmul_reference(&x);
    for (y, plain) in y.iter().zip(plain.chunks_exact(5)) {
        let sum: Vec<f32> = plain.iter().zip(numbers(5, 2)).map(|(a, b)| a + b).collect();
        close(y, &sum, 1e-6);
    }
    assert!(Linear::new(weight(Dtype::F32, 5, 7, 1), Some(vec![0.0; 4])).is_err());
}

#[test]
fn shrinking_keeps_the_numbers_within_the_format() {
    let from = weight(Dtype::BF16, 9, 512, 4);
    let mut before = vec![0.0; 512];
    let mut after = before.clone();
    let mut check = |dtype: Dtype, bytes: u64, bound: f32| {
        let shrunk = from.requantised(dtype).expect("whole blocks");
        assert_eq!((shrunk.bytes(), shrunk.dtype()), (bytes, dtype));
        for r in 0..9 {
            from.row(r, &mut before);
            shrunk.row(r, &mut after);
            assert!(before.iter().zip(&after).all(|(a, b)| (a - b).abs() <= bound), "{dtype:?}");
        }
    };
    check(Dtype::Q8_0, 9 * 512 / 32 * 34, 0.0025);
    check(Dtype::Q6K, 9 * 2 * 210, 0.02);
    check(Dtype::Q4K, 9 * 2 * 144, 0.06);
    assert!(from.requantised(Dtype::IQ2S).is_err(), "only read");
    assert!(weight(Dtype::BF16, 2, 100, 1).requantised(Dtype::Q4K).is_err(), "no whole blocks");
    let on_device = from.in_tensor(&Device::Cpu).unwrap();
    assert!(on_device.requantised(Dtype::Q8_0).is_err(), "on a device");
}
