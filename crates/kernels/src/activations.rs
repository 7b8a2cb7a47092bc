//! Activation functions and the exponential that they share. None of them depends on the width of the
//! registers, so every processor computes the same bits.
use crate::simd_math::{max, multiversion, sum};

/// e^x with a relative error below 2.5e-7. `x` is clamped to [-87, 88], so the result is normal and finite.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    /// 1.5 * 2^23: adding it rounds to an integer, which is then in the low bits.
    const ROUND: f32 = 12_582_912.0;
    /// ln 2 in two parts (Cody-Waite); the first times a small integer is exact.
    const LN2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let exponent = (shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    let n = shifted - ROUND;
    let r = x - n * LN2[0] - n * LN2[1];
    // Taylor polynomial; |r| < 0.35.
    let mut sum = 1.0 / 5040.0;
    for term in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        sum = sum * r + term;
    }
    sum * f32::from_bits(((exponent + 127) << 23) as u32)
}

/// GELU, tanh approximation: `x / 2 * (1 + tanh(u))` equals `x / (1 + e^(-2u))`.
#[inline(always)]
pub fn gelu(x: f32) -> f32 {
    const TWICE_ROOT: f32 = 1.595_769; // 2 sqrt(2 / pi)
    x / (1.0 + exp(-TWICE_ROOT * (x + 0.044_715 * x * x * x)))
}

multiversion! {
    /// SwiGLU: `gate = silu(gate) * up`, in place.
    pub fn silu_mul(gate: &mut [f32], up: &[f32]) = silu_mul_inline
}

#[inline(always)]
fn silu_mul_inline(gate: &mut [f32], up: &[f32]) {
    gate.iter_mut().zip(up).for_each(|(gate, up)| *gate = *gate / (1.0 + exp(-*gate)) * up);
}

multiversion! {
    /// `softmax_numerators_inline`, for callers that are not compiled for an instruction set.
    pub fn softmax_numerators(scores: &mut [f32]) -> (f32, f32) = softmax_numerators_inline
}

/// Replaces each score by e^(score - max); returns the maximum and the sum.
#[inline(always)]
pub fn softmax_numerators_inline(scores: &mut [f32]) -> (f32, f32) {
    let max = max(scores);
    (max, exp_sum_inline(scores, max))
}

multiversion! {
    /// Replaces each score by e^(score - max), for a maximum that is not less; returns the sum.
    pub fn exp_sum(scores: &mut [f32], max: f32) -> f32 = exp_sum_inline
}

#[inline(always)]
fn exp_sum_inline(scores: &mut [f32], max: f32) -> f32 {
    scores.iter_mut().for_each(|score| *score = exp(*score - max));
    sum(scores, |numerator| numerator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_accurate_and_finite() {
        for at in -86_999..88_000 {
            let x = at as f32 * 1e-3;
            let expected = f64::from(x).exp();
            let error = (f64::from(exp(x)) - expected).abs() / expected;
            assert!(error < 2.5e-7, "{x}: {error}");
        }
        assert!(exp(f32::NEG_INFINITY) < 2e-38 && exp(1e9).is_finite() && exp(0.0) == 1.0);
    }
}
