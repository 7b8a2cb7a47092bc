//! A mutating driver for stable toolchains: `drive TARGET EXECUTIONS [SEED]`.
//!
//! Starts from fuzz/corpus/TARGET, keeps inputs with a new kind of error, and stops at the first panic, at an
//! execution of more than ten seconds, or at one that allocates more than a gibibyte; the input is then in
//! fuzz/artifacts. Without coverage it is weaker than libFuzzer, but it runs on any toolchain.
use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use whaledeck_fuzz::TARGETS;

const LONGEST: Duration = Duration::from_secs(10);
const MOST_MEMORY: usize = 1 << 30;
const LARGEST_INPUT: usize = 1 << 16;
const LARGEST_POOL: usize = 4096;

/// Counts bytes in use.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static EXECUTION: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call goes to the system's allocator unchanged; only counters are added.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if IN_USE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size() > MOST_MEMORY {
            // Unwinding out of an allocator is not allowed; the input of this execution is on disk.
            std::process::abort();
        }
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let (Some(name), Some(count)) =
        (arguments.get(1), arguments.get(2).and_then(|count| count.parse::<u64>().ok()))
    else {
        eprintln!("usage: drive TARGET EXECUTIONS [SEED]");
        std::process::exit(2);
    };
    let (_, target) = TARGETS.iter().find(|(known, _)| known == name).expect("a target of that name");
    let seed: u64 = arguments.get(3).and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pool = corpus(&home.join("corpus").join(name));
    let artifacts = home.join("artifacts").join(name);
    std::fs::create_dir_all(&artifacts).expect("a folder for inputs");
    watch();
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let (mut kinds, mut accepted, mut slowest, start) =
        (HashSet::new(), 0u64, Duration::ZERO, Instant::now());
    let seeds = pool.len() as u64;
    for execution in 0..count {
        let input = if execution < seeds {
            pool[execution as usize].clone()
        } else {
            mutate(&pool, seeds as usize, &mut random)
        };
        // Out-of-memory and stack overflow cannot be caught, so with DRIVE_KEEP each input is kept.
        if std::env::var_os("DRIVE_KEEP").is_some() {
            std::fs::write(artifacts.join("last"), &input).expect("written");
        }
        EXECUTION.store(execution + 1, Ordering::Relaxed);
        let began = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| target(&input)));
        slowest = slowest.max(began.elapsed());
        match result {
            Ok(Ok(())) => {
                accepted += 1;
                keep(&mut pool, &mut kinds, "", input);
            }
            Ok(Err(reason)) => keep(&mut pool, &mut kinds, &reason, input),
            Err(_) => {
                let path = artifacts.join(format!("panic-{execution}"));
                std::fs::write(&path, &input).expect("written");
                println!(
                    "{name}: panicked at execution {execution} (seed {seed}); input in {}",
                    path.display()
                );
                std::process::exit(1);
            }
        }
        if (execution + 1) % 100_000 == 0 || execution + 1 == count {
            println!(
                "{name}: {} executions, seed {seed}, {accepted} accepted, {} kinds of outcome, slowest {slowest:?}, {:?} in all",
                execution + 1,
                kinds.len(),
                start.elapsed()
            );
        }
    }
}

fn corpus(dir: &Path) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let pool: Vec<_> = paths.iter().map(|path| std::fs::read(path).expect("a seed")).collect();
    assert!(!pool.is_empty(), "{} is empty", dir.display());
    pool
}

/// An input with a new kind of outcome is added to the pool. Numbers and names in an error do not make a new
/// kind.
fn keep(pool: &mut Vec<Vec<u8>>, kinds: &mut HashSet<String>, reason: &str, input: Vec<u8>) {
    let plain = |word: &&str| word.bytes().all(|letter| letter.is_ascii_lowercase());
    let kind: String = reason.split(' ').filter(plain).take(12).collect::<Vec<_>>().join(" ");
    if kinds.len() < LARGEST_POOL && kinds.insert(kind) {
        pool.push(input);
    }
}

/// Ends the process if an execution hangs.
fn watch() {
    std::thread::spawn(|| {
        let mut before = 0;
        loop {
            std::thread::sleep(LONGEST);
            let now = EXECUTION.load(Ordering::Relaxed);
            if now == before && now != 0 {
                eprintln!("execution {} has not ended after {LONGEST:?}", now - 1);
                std::process::abort();
            }
            before = now;
        }
    });
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

/// A few small mutations of an input of the pool, every other time of one of the valid ones at its front.
fn mutate(pool: &[Vec<u8>], sound: usize, random: &mut Random) -> Vec<u8> {
    let from = if random.below(2) == 0 { sound } else { pool.len() };
    let mut input = pool[random.below(from)].clone();
    for _ in 0..1 + random.below(4) {
        let at = random.below(input.len());
        match random.below(9) {
            0 if !input.is_empty() => input[at] ^= 1 << random.below(8),
            1 if !input.is_empty() => input[at] = random.next() as u8,
            2 => overwrite(&mut input, at, &interesting(random).to_le_bytes()),
            3 => overwrite(&mut input, at, &(interesting(random) as u32).to_le_bytes()),
            4 => input.truncate(at),
            5 => {
                let len = random.below(32).min(input.len() - at);
                input.drain(at..at + len);
            }
            6 => {
                let len = random.below(64).min(input.len() - at);
                let piece = input[at..at + len].to_vec();
                let to = random.below(input.len());
                input.splice(to..to, piece);
            }
            7 => {
                let other = &pool[random.below(pool.len())];
                let from = random.below(other.len());
                let len = random.below(128).min(other.len() - from);
                input.splice(at..at, other[from..from + len].iter().copied());
            }
            _ => {
                let digit = b'0' + random.below(10) as u8;
                if let Some(place) = input.iter().skip(at).position(u8::is_ascii_digit) {
                    input[at + place] = digit;
                }
            }
        }
    }
    input.truncate(LARGEST_INPUT);
    input
}

fn overwrite(input: &mut [u8], at: usize, bytes: &[u8]) {
    for (place, byte) in input[at..].iter_mut().zip(bytes) {
        *place = *byte;
    }
}

/// Boundary values of integers.
fn interesting(random: &mut Random) -> u64 {
    let power = 1u64 << random.below(64);
    match random.below(6) {
        0 => power,
        1 => power - 1,
        2 => power.wrapping_neg(),
        3 => u64::MAX - random.below(64) as u64,
        4 => random.below(64) as u64,
        _ => random.next(),
    }
}
