//! Every instruction set gives the bits of the scalar definition, which is within the rounding of the
//! activations of the product in f64.
use super::*;

/// Random bytes in which f16 scales are normal numbers, for `rows` rows of `cols`.
pub(crate) fn encoded(dtype: Dtype, rows: usize, cols: usize) -> Vec<u8> {
    let mut state = 7u32;
    let mut byte = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let mut bytes: Vec<u8> = (0..rows * dtype.bytes_of(cols).unwrap()).map(|_| byte()).collect();
    let scales_at: &[usize] = match dtype {
        Dtype::Q2K => &[80, 82],
        Dtype::Q3K => &[108],
        Dtype::Q6K => &[208],
        Dtype::Q4_1 | Dtype::Q5_1 | Dtype::Q4K | Dtype::Q5K => &[0, 2],
        _ => &[0],
    };
    for (index, block) in bytes.chunks_exact_mut(dtype.block_bytes()).enumerate() {
        match dtype {
            Dtype::MXFP4 => block[0] = 120 + block[0] % 16,
            // Of both signs and about 2^-8.
            _ => {
                scales_at.iter().for_each(|&at| block[at + 1] = 0x1C + (index % 3) as u8 + (block[at] & 0x80))
            }
        }
    }
    bytes
}

pub(crate) fn activations(cols: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32 - 0.3
    };
    // Blocks of 256 of very different sizes, one with an outlier, one of zeros.
    (0..cols)
        .map(|at| match at / 256 {
            1 if at % 256 == 3 => 90.0,
            2 => 0.0,
            block => next() * 10f32.powi(block as i32 % 5 - 2),
        })
        .collect()
}

pub(crate) fn formats() -> impl Iterator<Item = Dtype> {
    Dtype::ALL.iter().copied().filter(|&dtype| is_defined(dtype))
}

/// All ones and all codes at their ends, which are the largest sums.
fn extremes(dtype: Dtype) -> [Vec<u8>; 2] {
    let mut bytes = encoded(dtype, 2, 512);
    let row = bytes.len() / 2;
    let originals = bytes.clone();
    for (at, fill) in [0xFF, 0x80].into_iter().enumerate() {
        let row = &mut bytes[at * row..][..row];
        row.fill(fill);
    }
    // The scales stay numbers.
    for (block, original) in
        bytes.chunks_exact_mut(dtype.block_bytes()).zip(originals.chunks_exact(dtype.block_bytes()))
    {
        let scales: &[usize] = match dtype {
            Dtype::MXFP4 => &[0],
            Dtype::Q2K => &[80, 81, 82, 83],
            Dtype::Q3K => &[108, 109],
            Dtype::Q6K => &[208, 209],
            Dtype::Q4_1 | Dtype::Q5_1 | Dtype::Q4K | Dtype::Q5K => &[0, 1, 2, 3],
            _ => &[0, 1],
        };
        scales.iter().for_each(|&at| block[at] = original[at]);
    }
    let second = bytes.split_off(row);
    [bytes, second]
}

type Dots<const M: usize, const N: usize> = fn(Dtype, [&[PlaneBlock]; M], [&[u8]; N]) -> [[f32; N]; M];

/// The forms of this processor.
fn fast<const M: usize, const N: usize>() -> Vec<(&'static str, Dots<M, N>)> {
    let mut forms: Vec<(&'static str, Dots<M, N>)> = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        if Isa::detect() >= Isa::Avx2 {
            // SAFETY: the instructions were detected.
            forms.push(("avx2", |dtype, x, rows| unsafe { x86::dot_avx2(dtype, x, rows, 64) }));
        }
        if Isa::detect() >= Isa::Vnni {
            // SAFETY: as above.
            forms.push(("vnni", |dtype, x, rows| unsafe { x86::dot_vnni(dtype, x, rows, 64) }));
        }
    }
    forms
}

fn same(what: &str, expected: f32, actual: f32) {
    assert!(
        expected.to_bits() == actual.to_bits() || expected.is_nan() && actual.is_nan(),
        "{what}: {expected} {actual}"
    );
}

fn check<const M: usize, const N: usize>(dtype: Dtype, cols: usize) {
    let x: [Planes; M] = std::array::from_fn(|m| Planes::new(&activations(cols, m as u32 + 1)));
    let bytes = encoded(dtype, N, cols);
    let row = bytes.len() / N;
    let rows: [&[u8]; N] = std::array::from_fn(|n| &bytes[n * row..][..row]);
    for (name, form) in fast::<M, N>() {
        let products = form(dtype, x.each_ref().map(|x| &x.0[..]), rows);
        for (m, x) in x.iter().enumerate() {
            for (n, row) in rows.iter().enumerate() {
                let what = format!("{dtype:?} with {name}, {cols} columns, product {m} {n}");
                same(&what, scalar::dot(dtype, &x.0, row), products[m][n]);
            }
        }
    }
}

#[test]
fn every_instruction_set_gives_the_bits_of_the_definition() {
    for dtype in formats() {
        check::<1, 1>(dtype, 256);
        check::<1, 4>(dtype, 1536);
        check::<2, 4>(dtype, 2048);
        if dtype.block_len() == 32 {
            check::<1, 4>(dtype, 32);
            check::<2, 4>(dtype, 1408);
        }
    }
}

#[test]
fn the_largest_sums_fit() {
    for dtype in formats() {
        for x in [vec![1.0f32; 512], vec![-1.0; 512], [1.0, -1.0].repeat(256)] {
            let planes = Planes::new(&x);
            for row in extremes(dtype) {
                let expected = scalar::dot(dtype, &planes.0, &row);
                for (name, form) in fast::<1, 1>() {
                    same(
                        &format!("{dtype:?} with {name}"),
                        expected,
                        form(dtype, [&planes.0[..]], [&row])[0][0],
                    );
                }
            }
        }
    }
}

/// The error of a product is that of the activations, half a step of their block for each column, and the
/// rounding of f32 sums.
#[test]
fn products_are_within_the_rounding_of_activations() {
    for dtype in formats() {
        let cols = 2048;
        let (x, bytes) = (activations(cols, 5), encoded(dtype, 1, cols));
        let mut weights = vec![0.0; cols];
        crate::decode(dtype, &bytes, &mut weights);
        let exact: f64 = x.iter().zip(&weights).map(|(x, w)| f64::from(*x) * f64::from(*w)).sum();
        let mut bound = 0.0;
        for (x, weights) in x.chunks(256).zip(weights.chunks(256)) {
            let largest = x.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
            bound += weights.iter().map(|w| f64::from(w.abs() * largest)).sum::<f64>();
        }
        let actual = f64::from(scalar::dot(dtype, &Planes::new(&x).0, &bytes));
        assert!((actual - exact).abs() <= bound * 2f64.powi(-15), "{dtype:?}: {actual} {exact} {bound}");
    }
}

#[test]
fn planes_hold_what_they_are_made_of() {
    let x = activations(700, 9);
    let planes = Planes::new(&x);
    assert_eq!(planes.0.len(), 3);
    for (at, x) in x.iter().enumerate() {
        let block = &planes.0[at / 256];
        let whole = 256 * i32::from(block.high[at % 256]) + i32::from(block.low[at % 256]);
        assert!((whole as f32 * block.scale - x).abs() <= 0.501 * block.scale, "at {at}");
    }
    let block = &planes.0[1];
    let whole = |at: usize| 256 * i32::from(block.high[at]) + i32::from(block.low[at]);
    assert_eq!(block.side_sums[1][2], (80..96).map(whole).sum::<i32>());
    assert_eq!(block.sums[2], (64..96).map(whole).sum::<i32>());
    let scalar = blocks_of(&x);
    for (scalar, detected) in scalar.iter().zip(&planes.0) {
        assert_eq!((scalar.high, scalar.low, scalar.sums), (detected.high, detected.low, detected.sums));
        assert_eq!((scalar.side_sums, scalar.scale), (detected.side_sums, detected.scale));
    }
}

#[test]
fn what_is_no_number_gives_no_number() {
    let bytes = encoded(Dtype::Q4K, 1, 256);
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut x = activations(256, 1);
        x[17] = bad;
        assert!(planes_dot(Dtype::Q4K, [&Planes::new(&x)], [&bytes], 0)[0][0].is_nan());
    }
    assert_eq!(planes_dot(Dtype::Q4K, [&Planes::new(&[1e-38; 256])], [&bytes], 0), [[0.0]]);
}
