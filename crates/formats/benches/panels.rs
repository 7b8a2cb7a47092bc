//! Products of panels on one core: how fast weight rows are unpacked, and how fast a panel is multiplied with
//! eight rows of activations, in values a nanosecond. Best of several rounds. Arguments are names of formats:
//! `cargo bench -p formats --bench panels -- Q4_K Q6_K`.
use std::hint::black_box;
use std::time::{Duration, Instant};

use formats::{
    ACTIVATION_ROWS, ActivationPanel, Dtype, PANEL_BLOCK, PANEL_ROWS, PanelSums, WeightPanel, has_planes,
    panel_product,
};

const COLS: usize = 1536;
const ROUNDS: usize = 200;

fn main() {
    let names: Vec<String> = std::env::args().skip(1).filter(|name| !name.starts_with('-')).collect();
    println!("values a nanosecond");
    let chosen = |dtype: &Dtype| names.is_empty() || names.iter().any(|name| name == dtype.name());
    for &dtype in Dtype::ALL.iter().filter(|&dtype| has_planes(*dtype) && chosen(dtype)) {
        let row = dtype.bytes_of(COLS).expect("whole blocks");
        let bytes: Vec<u8> =
            (0..PANEL_ROWS * row).map(|at| if at % 2 == 1 { 0x3C } else { (at * 37 % 251) as u8 }).collect();
        let rows: [&[u8]; PANEL_ROWS] = std::array::from_fn(|at| &bytes[at * row..][..row]);
        let x: Vec<f32> = (0..COLS).map(|at| (at % 31) as f32 - 15.0).collect();
        let x = ActivationPanel::new(&[&x[..]; ACTIVATION_ROWS]);
        let mut weights = WeightPanel::default();
        let unpack = best(|| weights.unpack(dtype, black_box(rows), 0..COLS / PANEL_BLOCK));
        let mut sums = PanelSums::default();
        let product = best(|| panel_product(&weights, black_box(&x), &mut sums));
        black_box(sums);
        let rate = |values: usize, time: Duration| values as f64 / time.as_nanos() as f64;
        let values = PANEL_ROWS * COLS;
        println!(
            "{:8} unpack {:5.2}  product {:6.1}",
            dtype.name(),
            rate(values, unpack),
            rate(values * ACTIVATION_ROWS, product)
        );
    }
}

fn best(mut work: impl FnMut()) -> Duration {
    let time = |work: &mut dyn FnMut()| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    (0..ROUNDS).map(|_| time(&mut work)).min().unwrap_or_default()
}
