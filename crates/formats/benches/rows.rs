//! One vector times rows as they are stored, beside decoding each row into memory first, in one sitting on one core: rows that
//! stay in a cache, so that what is seen is the work and not memory. Rounds alternate; the best of each counts.
use std::hint::black_box;
use std::time::{Duration, Instant};

use formats::{Dtype, LANES, decode, lane_sums};

/// Numbers of a row, and rows: 4,096 x 64 codes of a byte are 256 KiB.
const COLS: usize = 4096;
const ROWS: usize = 64;
const ROUNDS: usize = 7;

fn main() {
    println!("numbers a nanosecond, and GB/s of what is stored");
    for &dtype in Dtype::ALL {
        let Some(row) = dtype.bytes_of(COLS) else { continue };
        // Bytes of any format: half-precision scales of about one, and codes without order.
        let bytes: Vec<u8> =
            (0..ROWS * row).map(|at| if at % 2 == 1 { 0x3C } else { (at * 37 % 251) as u8 }).collect();
        let rows: Vec<&[u8]> = bytes.chunks_exact(row).collect();
        let x: Vec<f32> = (0..COLS).map(|at| (at % 31) as f32 - 15.0).collect();
        let (mut stored, mut decoded) = (Duration::MAX, Duration::MAX);
        for _ in 0..ROUNDS {
            decoded = decoded.min(timed(|| through_memory(dtype, &x, &rows)));
            stored = stored.min(as_stored(dtype, &x, &rows).unwrap_or(Duration::MAX));
        }
        let rate = |time: Duration| (ROWS * COLS) as f64 / time.as_nanos() as f64;
        let name = dtype.name();
        print!("{name:8} through memory {:5.2}", rate(decoded));
        if stored == Duration::MAX {
            println!();
            continue;
        }
        let bandwidth = (ROWS * row) as f64 / stored.as_nanos() as f64;
        println!(
            ", as stored {:5.2} ({bandwidth:4.1} GB/s): {:.2} times",
            rate(stored),
            decoded.as_secs_f64() / stored.as_secs_f64()
        );
    }
}

fn timed(work: impl FnOnce() -> f32) -> Duration {
    let start = Instant::now();
    black_box(work());
    start.elapsed()
}

/// Nothing where rows of this format are decoded first.
fn as_stored(dtype: Dtype, x: &[f32], rows: &[&[u8]]) -> Option<Duration> {
    lane_sums(dtype, [x], [rows[0]], 0)?;
    Some(timed(|| {
        let strips = rows.as_chunks::<4>().0.iter();
        strips.filter_map(|rows| lane_sums(dtype, [x], *rows, 0)).flatten().flatten().flatten().sum()
    }))
}

fn through_memory(dtype: Dtype, x: &[f32], rows: &[&[u8]]) -> f32 {
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
