//! Helpers of the tests: reproducible values, and a comparison that reports where it failed.
//! For tests only.
use crate::Cancellation;

/// Work that is not cancelled.
pub static NEVER: Cancellation = Cancellation::never();

/// `count` values in [-0.5, 0.5).
pub fn uniform(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 40) as f32 / (1u32 << 24) as f32 - 0.5
    };
    (0..count).map(|_| next()).collect()
}

/// Every pair within `tolerance`, relative above one.
pub fn close(actual: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(actual.len(), expected.len(), "lengths");
    for (at, (a, b)) in actual.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= tolerance * (1.0 + b.abs()), "at {at} of {}: {a} against {b}", actual.len());
    }
}
