//! What the tests of every module need: repeatable numbers, and a comparison that shows where it failed.
use crate::Cancellation;

/// Work that is done to its end.
pub static NEVER: Cancellation = Cancellation::never();

/// `count` numbers in [-0.5, 0.5).
pub fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 40) as f32 / (1u32 << 24) as f32 - 0.5
    };
    (0..count).map(|_| next()).collect()
}

/// Every pair within `tolerance`, relative to numbers above one.
pub fn close(fast: &[f32], slow: &[f32], tolerance: f32) {
    assert_eq!(fast.len(), slow.len(), "lengths");
    for (at, (a, b)) in fast.iter().zip(slow).enumerate() {
        assert!((a - b).abs() <= tolerance * (1.0 + b.abs()), "at {at} of {}: {a} against {b}", fast.len());
    }
}
