//! Dot products with encoded rows, against decoding each row into memory first, on one core. The rows fit a
//! cache, so the benchmark measures compute, not memory. Rounds alternate; the best of each counts.
use std::hint::black_box;
use std::time::{Duration, Instant};

use formats::{Dtype, LANES, decode, dequant_dot_partial};

/// Values per row, and rows: 4,096 x 64 one-byte codes are 256 KiB.
const COLS: usize = 4096;
const ROWS: usize = 64;
const ROUNDS: usize = 7;

fn main() {
    println!("values a nanosecond, and GB/s of encoded bytes");
    for &dtype in Dtype::ALL {
        let Some(row) = dtype.bytes_of(COLS) else { continue };
        // Bytes valid in any format: f16 scales of about one, pseudo-random codes.
        let bytes: Vec<u8> =
            (0..ROWS * row).map(|at| if at % 2 == 1 { 0x3C } else { (at * 37 % 251) as u8 }).collect();
        let rows: Vec<&[u8]> = bytes.chunks_exact(row).collect();
        let x: Vec<f32> = (0..COLS).map(|at| (at % 31) as f32 - 15.0).collect();
        let (mut fused, mut decoded) = (Duration::MAX, Duration::MAX);
        for _ in 0..ROUNDS {
            decoded = decoded.min(timed(|| decoded_dot(dtype, &x, &rows)));
            fused = fused.min(fused_dot(dtype, &x, &rows).unwrap_or(Duration::MAX));
        }
        let rate = |time: Duration| (ROWS * COLS) as f64 / time.as_nanos() as f64;
        let name = dtype.name();
        print!("{name:8} decoded first {:5.2}", rate(decoded));
        if fused == Duration::MAX {
            println!();
            continue;
        }
        let bandwidth = (ROWS * row) as f64 / fused.as_nanos() as f64;
        println!(
            ", fused {:5.2} ({bandwidth:4.1} GB/s): {:.2} times",
            rate(fused),
            decoded.as_secs_f64() / fused.as_secs_f64()
        );
    }
}

fn timed(work: impl FnOnce() -> f32) -> Duration {
    let start = Instant::now();
    black_box(work());
    start.elapsed()
}

/// `None` for formats without a decoder in registers.
fn fused_dot(dtype: Dtype, x: &[f32], rows: &[&[u8]]) -> Option<Duration> {
    dequant_dot_partial(dtype, [x], [rows[0]], 0)?;
    Some(timed(|| {
        let row_blocks = rows.as_chunks::<4>().0.iter();
        row_blocks
            .filter_map(|rows| dequant_dot_partial(dtype, [x], *rows, 0))
            .flatten()
            .flatten()
            .flatten()
            .sum()
    }))
}

fn decoded_dot(dtype: Dtype, x: &[f32], rows: &[&[u8]]) -> f32 {
    let mut row = [0.0; COLS];
    let mut sum = 0.0;
    for bytes in rows {
        decode(dtype, bytes, &mut row);
        let mut sums = [0.0; LANES];
        for (x, row) in x.as_chunks::<LANES>().0.iter().zip(row.as_chunks::<LANES>().0) {
            for lane in 0..LANES {
                sums[lane] += x[lane] * row[lane];
            }
        }
        sum += sums.iter().sum::<f32>();
    }
    sum
}
