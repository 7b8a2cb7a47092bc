//! Dot products with encoded rows on one core: decoded into memory first, decoded in registers, in whole
//! numbers, and in whole numbers with four vectors at once, whose time is divided by four. From a cache,
//! which measures compute, and from memory. Rounds alternate; the best of each counts. Arguments are names of
//! formats: `cargo bench -p formats -- Q4_K Q6_K`.
use std::hint::black_box;
use std::time::{Duration, Instant};

use formats::{Dtype, LANES, Planes, decode, dequant_dot_partial, has_planes, planes_dot};

/// Values per row.
const COLS: usize = 4096;
/// Bytes of rows that fit a cache of the second level, and that fit none.
const SIZES: [(&str, usize); 2] = [("cache", 512 << 10), ("memory", 96 << 20)];
const ROUNDS: usize = 15;

fn main() {
    let names: Vec<String> = std::env::args().skip(1).filter(|name| !name.starts_with('-')).collect();
    println!("values a nanosecond, and GB/s of encoded bytes");
    for &dtype in Dtype::ALL.iter().filter(|d| names.is_empty() || names.iter().any(|n| n == d.name())) {
        for (place, size) in SIZES {
            measure(dtype, place, size);
        }
    }
}

fn measure(dtype: Dtype, place: &str, size: usize) {
    let Some(row) = dtype.bytes_of(COLS) else { return };
    let count = size / row / 4 * 4;
    // Bytes valid in any format: f16 scales of about one, pseudo-random codes.
    let bytes: Vec<u8> =
        (0..count * row).map(|at| if at % 2 == 1 { 0x3C } else { (at * 37 % 251) as u8 }).collect();
    let rows: Vec<&[u8]> = bytes.chunks_exact(row).collect();
    let x: Vec<f32> = (0..COLS).map(|at| (at % 31) as f32 - 15.0).collect();
    let mut best = [Duration::MAX; 4];
    for _ in 0..ROUNDS {
        let times = [
            Some(timed(|| decoded_dot(dtype, &x, &rows))),
            fused_dot(dtype, &x, &rows),
            has_planes(dtype).then(|| whole_dot::<1>(dtype, &x, &rows)),
            has_planes(dtype).then(|| whole_dot::<4>(dtype, &x, &rows) / 4),
        ];
        for (best, time) in best.iter_mut().zip(times) {
            *best = (*best).min(time.unwrap_or(Duration::MAX));
        }
    }
    print!("{:8} {place:6}", dtype.name());
    for (name, time) in ["decoded first", "in registers", "whole numbers", "for one of four"].iter().zip(best)
    {
        if time < Duration::MAX {
            let rate = |amount: usize| amount as f64 / time.as_nanos() as f64;
            print!("  {name} {:5.2} ({:4.1} GB/s)", rate(rows.len() * COLS), rate(bytes.len()));
        }
    }
    println!();
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
            .filter_map(|rows| dequant_dot_partial(dtype, [x], *rows, 4 * rows[0].len()))
            .flatten()
            .flatten()
            .flatten()
            .sum()
    }))
}

/// With the planes of `M` vectors of activations made once, as for a matrix.
fn whole_dot<const M: usize>(dtype: Dtype, x: &[f32], rows: &[&[u8]]) -> Duration {
    timed(|| {
        let planes: [Planes; M] = std::array::from_fn(|_| Planes::new(x));
        let row_blocks = rows.as_chunks::<4>().0.iter();
        let products =
            row_blocks.flat_map(|rows| planes_dot(dtype, planes.each_ref(), *rows, 4 * rows[0].len()));
        products.flatten().sum()
    })
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
