//! The decoders, products and splits of the kernels, compiled for this processor (`tests/host`) and compared
//! with `formats`. Their context switches are those of Unix.
use std::fs::File;
use std::path::Path;
use std::process::Command;

use formats::Dtype;

use super::Layout;
use super::layout::tests::random_bytes;

/// Sixteen rows of a matrix, which a warp multiplies at once, and activations.
struct Case {
    dtype: Dtype,
    cols: usize,
    weights: Vec<f32>,
    x: Vec<f32>,
}

/// The weights of blocks are finite, and their sum too.
fn sixteen_rows(dtype: Dtype, cols: usize) -> Vec<u8> {
    let bytes = dtype.bytes_of(cols).expect("whole blocks");
    if dtype.block_len() == 1 {
        return random_bytes(16 * bytes, cols as u64);
    }
    let mut seeds = cols as u64..;
    let mut row = || loop {
        let row = random_bytes(bytes, seeds.next().expect("there are enough"));
        let mut weights = vec![0.0; cols];
        formats::decode(dtype, &row, &mut weights);
        if weights.iter().all(|weight| weight.abs() < 1e30) {
            return row;
        }
    };
    (0..16).flat_map(|_| row()).collect()
}

/// Every format, and what `program` of `tests/host` writes of the matrices.
fn run(program: &str) -> (Vec<Case>, Vec<f32>) {
    let (folder, root) = (tempfile::tempdir().expect("a folder"), Path::new(env!("CARGO_MANIFEST_DIR")));
    let (compiled, input) = (folder.path().join("kernels"), folder.path().join("input"));
    let status = Command::new("c++")
        .args(["-std=c++20", "-O1", "-ffp-contract=off", "-w", "-pthread"])
        .args(["-I", "tests/host", "-I", "kernels", "-o"])
        .arg(&compiled)
        .arg(format!("tests/host/{program}.cpp"))
        .current_dir(root)
        .status();
    assert!(status.expect("the compiler runs").success());

    let (mut cases, mut bytes) = (Vec::new(), Vec::new());
    for &dtype in Dtype::ALL.iter().filter(|&&dtype| Layout::supports(dtype)) {
        // A step of 256 columns that is not full, and several steps.
        for cols in if dtype.block_len() == 256 { [256, 768] } else { [288, 736] } {
            let layout = Layout::new(dtype, cols).expect("whole blocks");
            let file = sixteen_rows(dtype, cols);
            let (mut card, mut weights) = (vec![0; 16 * layout.row_bytes], vec![0.0; 16 * cols]);
            layout.rearrange(&file, &mut card);
            formats::decode(dtype, &file, &mut weights);
            let noise = random_bytes(2 * cols, 99);
            let x: Vec<f32> =
                noise.chunks(2).map(|two| f32::from(i16::from_le_bytes([two[0], two[1]])) / 1e4).collect();
            let [_, s1, s2, s3] = layout.starts;
            for value in [layout.format as usize, 16, cols, layout.row_bytes, s1, s2, s3] {
                bytes.extend((value as u32).to_le_bytes());
            }
            bytes.extend(&card);
            bytes.extend(x.iter().flat_map(|value| value.to_le_bytes()));
            cases.push(Case { dtype, cols, weights, x });
        }
    }
    assert_eq!(cases.len(), 2 * 17);
    std::fs::write(&input, bytes).expect("is written");
    let output =
        Command::new(&compiled).stdin(File::open(&input).expect("is there")).output().expect("it runs");
    (cases, output.stdout.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

fn largest(values: &[f32]) -> f32 {
    values.iter().fold(0.0f32, |largest, value| largest.max(value.abs()))
}

#[test]
fn kernels_decode_and_multiply_as_defined() {
    let (cases, values) = run("decode");
    let mut values = values.into_iter();
    for Case { dtype, cols, weights, x } in cases {
        let padded = cols.next_multiple_of(32);
        let decoded: Vec<f32> = values.by_ref().take(16 * padded).collect();
        assert_eq!(decoded.len(), 16 * padded, "{dtype:?}");
        let products: Vec<f32> = values.by_ref().take(16).collect();
        for ((want, got), product) in weights.chunks(cols).zip(decoded.chunks(padded)).zip(products) {
            if dtype.block_len() == 1 {
                let same = |(want, got): (&f32, &f32)| want == got || want.is_nan() && got.is_nan();
                assert!(want.iter().zip(got).all(same), "{dtype:?}, {cols} columns");
                continue;
            }
            let largest = largest(want);
            for (want, got) in want.iter().zip(got) {
                let close = (got - want).abs() <= 1e-6 * largest;
                assert!(close, "{dtype:?}, {cols} columns: {got} for {want}");
            }
            let exact: f64 = want.iter().zip(&x).map(|(w, x)| f64::from(*w) * f64::from(*x)).sum();
            let room: f64 = want.iter().map(|weight| f64::from(weight.abs()) * 3.3).sum();
            let apart = (f64::from(product) - exact).abs();
            assert!(apart <= 1e-6 * room, "{dtype:?}, {cols} columns: {product} for {exact}");
        }
    }
    assert_eq!(values.next(), None);
}

#[test]
fn the_codes_and_parts_of_a_prefill_are_the_weights_and_activations() {
    let (cases, values) = run("prefill");
    let mut values = values.into_iter();
    for Case { dtype, cols, weights, x } in cases {
        let padded = cols.next_multiple_of(32);
        let decoded: Vec<f32> = values.by_ref().take(16 * padded).collect();
        assert_eq!(decoded.len(), 16 * padded, "{dtype:?}");
        for (want, got) in weights.chunks(cols).zip(decoded.chunks(padded)) {
            let of_row = largest(want);
            let run = if dtype == Dtype::BF16 { 32 } else { 16 };
            for (want, got) in want.chunks(run).zip(got.chunks(run)) {
                // A run of dense weights has a power of two of its own; one with an infinity has no other
                // value that counts.
                let finite = want.iter().all(|value| value.is_finite());
                let room = 1e-6 * if dtype.block_len() == 1 { largest(want) } else { of_row };
                for (want, got) in want.iter().zip(got) {
                    let same = if finite {
                        (got - want).abs() <= room
                    } else {
                        want.is_finite() || !got.is_finite()
                    };
                    assert!(same, "{dtype:?}, {cols} columns: {got} for {want}");
                }
            }
        }
        let parts: Vec<f32> = values.by_ref().take(cols).collect();
        let sums: Vec<f32> = values.by_ref().take(padded / 32).collect();
        for (want, got) in x.iter().zip(&parts) {
            assert!((got - want).abs() <= 3e-7 * largest(&x), "{dtype:?}: {got} for {want}");
        }
        for (want, got) in x.chunks(32).zip(&sums) {
            let sum: f64 = want.iter().map(|value| f64::from(*value)).sum();
            assert!((f64::from(*got) - sum).abs() <= 32.0 * 1e-6 * f64::from(largest(&x)), "{got} for {sum}");
        }
    }
    assert_eq!(values.next(), None);
}
