//! Measures the streaming read bandwidth of main memory, which limits decoding on a CPU. Comparing two
//! buffers uses the C library's vectorised `memcmp`, so the result does not depend on the compiler flags of
//! this crate.
use std::hint::black_box;
use std::time::{Duration, Instant};

const BYTES: usize = 256 << 20;
const BUDGET: Duration = Duration::from_millis(250);
const ROUNDS: usize = 8;

/// Bytes per second of the best of several multi-threaded passes over 256 MiB; takes about half a second.
/// `None` if the memory cannot be allocated.
pub fn measure_bandwidth() -> Option<f64> {
    let mut buffer = Vec::new();
    buffer.try_reserve_exact(BYTES).ok()?;
    // Not zero, because the system may map zero pages to one physical page that stays in cache.
    buffer.resize(BYTES, 1u8);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let started = Instant::now();
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        best = best.min(pass(&buffer, threads));
        if started.elapsed() > BUDGET {
            break;
        }
    }
    Some(BYTES as f64 / best.as_secs_f64())
}

fn pass(buffer: &[u8], threads: usize) -> Duration {
    let (left, right) = buffer.split_at(buffer.len() / 2);
    let part = left.len().div_ceil(threads);
    let started = Instant::now();
    std::thread::scope(|scope| {
        for (a, b) in left.chunks(part).zip(right.chunks(part)) {
            scope.spawn(move || black_box(black_box(a) == black_box(b)));
        }
    });
    started.elapsed()
}
