//! Decoding equals the Python package `gguf` bit for bit, and so does encoding where that package can encode.
//! The error of the K formats is bounded by that of a published encoder. The fixtures come from
//! tests/fixtures/formats/make.py.
use std::path::PathBuf;

use formats::{Dtype, decode, encode};
use fuel_quantized::k_quants::{BlockQ4K, BlockQ6K, GgmlType, blocks_as_bytes};

fn fixture(name: &str) -> Vec<u8> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/formats");
    std::fs::read(dir.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

#[test]
fn every_format_equals_the_reference_bit_for_bit() {
    // F32 is the type of the expected values, and FP8 is not a GGUF format: its table has a test of its own.
    for &dtype in Dtype::ALL.iter().filter(|dtype| !matches!(dtype, Dtype::F32 | Dtype::F8E4M3)) {
        let name = dtype.name();
        let expect = floats(&fixture(&format!("{name}.f32")));
        let mut actual = vec![f32::NAN; expect.len()];
        decode(dtype, &fixture(&format!("{name}.blocks")), &mut actual);
        for (at, (actual, expect)) in actual.iter().zip(&expect).enumerate() {
            assert_eq!(actual.to_bits(), expect.to_bits(), "{name}, value {at}: {actual} and {expect}");
        }
    }
}

#[test]
fn q8_0_is_encoded_as_the_reference_does() {
    let mut encoded = Vec::new();
    encode(Dtype::Q8_0, &floats(&fixture("Q8_0.values")), &mut encoded);
    let expect = fixture("Q8_0.encoded");
    assert_eq!(encoded.len(), expect.len());
    for (at, (actual, expect)) in encoded.iter().zip(&expect).enumerate() {
        assert_eq!(actual, expect, "block {}, byte {}", at / 34, at % 34);
    }
}

/// Values distributed like weights: normal, with outliers.
fn weights(count: usize) -> Vec<f32> {
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut uniform = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 24) as f32
    };
    let mut normal = move || (0..12).map(|_| uniform()).sum::<f32>() - 6.0;
    (0..count).map(|at| normal() * if at % 97 == 0 { 0.2 } else { 0.02 }).collect()
}

fn error(dtype: Dtype, values: &[f32], bytes: &[u8]) -> f64 {
    let mut back = vec![0.0; values.len()];
    decode(dtype, bytes, &mut back);
    let squares = values.iter().zip(&back).map(|(value, back)| f64::from(value - back).powi(2));
    (squares.sum::<f64>() / values.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>()).sqrt()
}

fn published<B: GgmlType>(values: &[f32]) -> Vec<u8> {
    let mut blocks = vec![B::zeros(); values.len() / 256];
    B::from_float(values, &mut blocks);
    blocks_as_bytes(&blocks).to_vec()
}

/// Compares the relative RMS error with the published encoder's.
#[test]
fn k_formats_lose_no_more_than_a_published_encoder() {
    let values = weights(256 * 64);
    let check = |dtype, reference: &[u8], bound: f64| {
        let mut ours = Vec::new();
        encode(dtype, &values, &mut ours);
        let (ours, reference) = (error(dtype, &values, &ours), error(dtype, &values, reference));
        println!("{dtype:?}: ours {ours:.5}, published {reference:.5}");
        assert!(ours <= reference * 1.01, "{dtype:?}: {ours} and {reference}");
        assert!(ours <= bound, "{dtype:?}: {ours}");
    };
    check(Dtype::Q4K, &published::<BlockQ4K>(&values), 0.1);
    check(Dtype::Q6K, &published::<BlockQ6K>(&values), 0.03);
}

#[test]
fn unusual_blocks_are_encoded_within_bounds() {
    let mut spike = [0.0f32; 256];
    spike[17] = -5.0;
    let blocks: [[f32; 256]; 8] = [
        [0.0; 256],
        [0.25; 256],
        [-3.5; 256],
        std::array::from_fn(|at| at as f32 - 128.0),
        [1e-30; 256],
        [f32::MIN_POSITIVE / 4.0; 256],
        spike,
        std::array::from_fn(|at| if at % 2 == 0 { 60000.0 } else { -60000.0 }),
    ];
    for dtype in [Dtype::Q8_0, Dtype::Q6K, Dtype::Q4K] {
        for values in &blocks {
            let mut bytes = Vec::new();
            encode(dtype, values, &mut bytes);
            let mut back = [f32::NAN; 256];
            decode(dtype, &bytes, &mut back);
            let largest = values.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
            for (value, back) in values.iter().zip(back) {
                assert!((value - back).abs() <= largest * 0.15 + 1e-6, "{dtype:?}: {value} became {back}");
            }
        }
        let mut bytes = Vec::new();
        encode(dtype, &[f32::NAN; 256], &mut bytes);
        encode(dtype, &[f32::INFINITY; 256], &mut bytes);
        assert_eq!(Some(bytes.len()), dtype.bytes_of(512), "NaN and infinities still fill blocks");
    }
}

#[test]
fn dense_formats_round_to_even() {
    let values = [1.0f32, -2.5, 1.0 + f32::EPSILON, 3.0e-3, 65504.0];
    let check = |dtype, expect: [f32; 5]| {
        let mut bytes = Vec::new();
        encode(dtype, &values, &mut bytes);
        let mut back = [f32::NAN; 5];
        decode(dtype, &bytes, &mut back);
        assert_eq!(back, expect, "{dtype:?}");
    };
    check(Dtype::F32, values);
    check(Dtype::F16, [1.0, -2.5, 1.0, 0.003_000_259_4, 65504.0]);
    check(Dtype::BF16, [1.0, -2.5, 1.0, 0.003_005_981_4, 65536.0]);
    check(Dtype::F8E4M3, [1.0, -2.5, 1.0, 0.003_906_25, 448.0]);
}
