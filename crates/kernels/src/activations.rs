//! Activations.
use crate::simd_math::{in_widest, largest, sum};

/// e^x within 2e-7 of itself; below -87 the least normal number, above 88 the largest that is still finite.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    /// Adding it rounds to a whole number, which then stands in the last bits.
    const WHOLE: f32 = 12_582_912.0;
    /// ln 2 in two parts, of which the first times a small whole number is exact.
    const LN2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + WHOLE;
    let power = (shifted.to_bits() as i32).wrapping_sub(WHOLE.to_bits() as i32);
    let whole = shifted - WHOLE;
    let rest = x - whole * LN2[0] - whole * LN2[1];
    // The first terms of the series; |rest| < 0.35.
    let mut sum = 1.0 / 5040.0;
    for term in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        sum = sum * rest + term;
    }
    sum * f32::from_bits(((power + 127) << 23) as u32)
}

/// `x / 2 * (1 + tanh(u))` is `x / (1 + e^(-2u))`.
#[inline(always)]
pub fn gelu(x: f32) -> f32 {
    const TWICE_ROOT: f32 = 1.595_769; // 2 sqrt(2 / pi)
    x / (1.0 + exp(-TWICE_ROOT * (x + 0.044_715 * x * x * x)))
}

in_widest! {
    /// `gate = silu(gate) * up`, in place.
    pub fn silu_mul(gate: &mut [f32], up: &[f32]) = gated
}

#[inline(always)]
fn gated(gate: &mut [f32], up: &[f32]) {
    gate.iter_mut().zip(up).for_each(|(gate, up)| *gate = *gate / (1.0 + exp(-*gate)) * up);
}

in_widest! {
    /// Puts e^(score - largest) in the place of each score; their sum.
    pub fn powers(scores: &mut [f32]) -> f32 = powers_of
}

#[inline(always)]
pub fn powers_of(scores: &mut [f32]) -> f32 {
    let most = largest(scores);
    scores.iter_mut().for_each(|score| *score = exp(*score - most));
    sum(scores, |power| power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_near_and_ends_finite() {
        for at in -86_999..88_000 {
            let x = at as f32 * 1e-3;
            let right = f64::from(x).exp();
            let error = (f64::from(exp(x)) - right).abs() / right;
            assert!(error < 2.5e-7, "{x}: {error}");
        }
        assert!(exp(f32::NEG_INFINITY) < 2e-38 && exp(1e9).is_finite() && exp(0.0) == 1.0);
    }
}
