//! Every instruction set gives the bits of the scalar definition, a row has them whatever its company, and
//! products are within the rounding of activations of those in f64.
use super::*;
use crate::planes::tests::{activations, encoded, formats};
use crate::{Dtype, Isa};

struct Case {
    weights: WeightPanel,
    rows: Vec<Vec<f32>>,
    /// [row][cols]
    decoded: Vec<Vec<f32>>,
}

fn case(dtype: Dtype, cols: usize, count: usize) -> Case {
    let bytes = encoded(dtype, PANEL_ROWS, cols);
    let row = bytes.len() / PANEL_ROWS;
    let rows: [&[u8]; PANEL_ROWS] = std::array::from_fn(|at| &bytes[at * row..][..row]);
    let mut weights = WeightPanel::default();
    weights.unpack(dtype, rows, 0..cols.div_ceil(PANEL_BLOCK));
    let decoded = rows.map(|row| {
        let mut values = vec![0.0; cols];
        crate::decode(dtype, row, &mut values);
        values
    });
    let rows = (0..count).map(|at| activations(cols, at as u32 + 1)).collect();
    Case { weights, rows, decoded: decoded.to_vec() }
}

fn panel(rows: &[Vec<f32>]) -> ActivationPanel {
    ActivationPanel::new(&rows.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

type Product = fn(&WeightPanel, &ActivationPanel, &mut PanelSums);

/// The forms of this processor.
fn fast() -> Vec<(&'static str, Product)> {
    let mut forms: Vec<(&'static str, Product)> = vec![("detected", panel_product)];
    #[cfg(target_arch = "x86_64")]
    {
        use super::microkernel::x86;
        // SAFETY (of all): the instructions were detected.
        if Isa::detect() >= Isa::Avx2 {
            forms.push(("avx2", |w, x, sums| unsafe { x86::avx2(w, x, sums) }));
        }
        if Isa::detect() >= Isa::Avx512 {
            forms.push(("avx512", |w, x, sums| unsafe { x86::avx512(w, x, sums) }));
        }
        if Isa::detect() >= Isa::Vnni {
            forms.push(("vnni", |w, x, sums| unsafe { x86::vnni(w, x, sums) }));
        }
    }
    forms
}

fn bits(sums: &PanelSums, rows: usize) -> Vec<Vec<u32>> {
    sums[..rows].iter().map(|row| row.iter().map(|sum| sum.to_bits()).collect()).collect()
}

#[test]
fn every_instruction_set_gives_the_bits_of_the_definition() {
    for dtype in formats().filter(|&dtype| crate::has_planes(dtype)) {
        let widths: &[usize] = if dtype.block_len() == 32 { &[512, 32, 1408] } else { &[512] };
        for &cols in widths {
            for count in [1, 2, 3, 5, 8] {
                let case = case(dtype, cols, count);
                let x = panel(&case.rows);
                let start = [[0.25; PANEL_ROWS]; ACTIVATION_ROWS];
                let mut expected = start;
                microkernel::scalar(&case.weights, &x, &mut expected);
                for (name, form) in fast() {
                    let mut actual = start;
                    form(&case.weights, &x, &mut actual);
                    assert_eq!(
                        bits(&actual, count),
                        bits(&expected, count),
                        "{dtype:?} {cols} {count} {name}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_row_has_the_same_bits_whatever_its_company() {
    let case = case(Dtype::Q4K, 1024, 8);
    let mut together = PanelSums::default();
    panel_product(&case.weights, &panel(&case.rows), &mut together);
    for at in 0..8 {
        let mut alone = PanelSums::default();
        panel_product(&case.weights, &panel(&case.rows[at..=at]), &mut alone);
        assert_eq!(bits(&alone, 1)[0], bits(&together, 8)[at], "row {at}");
    }
}

#[test]
fn parts_of_the_columns_add_up() {
    let dtype = Dtype::Q6K;
    let bytes = encoded(dtype, PANEL_ROWS, 1024);
    let row = bytes.len() / PANEL_ROWS;
    let rows: [&[u8]; PANEL_ROWS] = std::array::from_fn(|at| &bytes[at * row..][..row]);
    let x = panel(&[activations(1024, 1)]);
    let (mut whole, mut parts) = (PanelSums::default(), PanelSums::default());
    let mut weights = WeightPanel::default();
    weights.unpack(dtype, rows, 0..4);
    panel_product(&weights, &x, &mut whole);
    for blocks in [0..3, 3..4] {
        weights.unpack(dtype, rows, blocks);
        panel_product(&weights, &x, &mut parts);
    }
    assert_eq!(bits(&whole, 1), bits(&parts, 1));
}

#[test]
fn products_are_within_the_rounding_of_activations() {
    for dtype in formats().filter(|&dtype| crate::has_planes(dtype)) {
        let case = case(dtype, 2048, 2);
        let mut sums = PanelSums::default();
        panel_product(&case.weights, &panel(&case.rows), &mut sums);
        for (x, sums) in case.rows.iter().zip(&sums) {
            for (weights, &actual) in case.decoded.iter().zip(sums) {
                let exact: f64 = x.iter().zip(weights).map(|(x, w)| f64::from(*x) * f64::from(*w)).sum();
                let bound: f64 = x
                    .chunks(PANEL_BLOCK)
                    .zip(weights.chunks(PANEL_BLOCK))
                    .map(|(x, weights)| {
                        let largest = x.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
                        weights.iter().map(|w| f64::from((w * largest).abs())).sum::<f64>()
                    })
                    .sum();
                let error = (f64::from(actual) - exact).abs();
                assert!(error <= bound * 2f64.powi(-15), "{dtype:?}: {actual} {exact} {bound}");
            }
        }
    }
}

#[test]
fn what_is_no_number_gives_no_number_in_its_row_only() {
    let mut case = case(Dtype::Q4K, 512, 2);
    case.rows[0][300] = f32::NAN;
    let mut sums = PanelSums::default();
    panel_product(&case.weights, &panel(&case.rows), &mut sums);
    assert!(sums[0].iter().all(|sum| sum.is_nan()) && sums[1].iter().all(|sum| sum.is_finite()));
}
