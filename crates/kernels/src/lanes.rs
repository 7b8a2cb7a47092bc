//! Loops over many numbers in the widest registers that this processor has, and the exponential they share. Nothing is
//! fused or reordered by the width, so every processor gives the same bits.

use formats::LANES;

/// A function that is compiled three times, for AVX-512, for AVX2 and for what every processor has, and chosen when it runs.
/// `$plain` has to be `#[inline(always)]`.
macro_rules! in_widest {
    ($(#[$note:meta])* $vis:vis fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $out:ty)? = $plain:path) => {
        $(#[$note])*
        $vis fn $name($($arg: $type),*) $(-> $out)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2")]
                fn widest($($arg: $type),*) $(-> $out)? { $plain($($arg),*) }
                #[target_feature(enable = "avx2")]
                fn wide($($arg: $type),*) $(-> $out)? { $plain($($arg),*) }
                if crate::lanes::has_avx512() {
                    // SAFETY: the processor has just been asked.
                    return unsafe { widest($($arg),*) };
                }
                if std::is_x86_feature_detected!("avx2") {
                    // SAFETY: as above.
                    return unsafe { wide($($arg),*) };
                }
            }
            $plain($($arg),*)
        }
    };
}
pub(crate) use in_widest;

/// Whether all parts of AVX-512 that are used here are there.
#[cfg(target_arch = "x86_64")]
#[inline]
pub fn has_avx512() -> bool {
    use std::is_x86_feature_detected as has;
    has!("avx512f") && has!("avx512bw") && has!("avx512dq") && has!("avx512vl") && has!("avx2")
}

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

/// The sum of `of(x)` over all numbers.
#[inline(always)]
pub fn sum(numbers: &[f32], of: impl Fn(f32) -> f32) -> f32 {
    let (runs, rest) = numbers.as_chunks::<LANES>();
    let mut sums = [0.0f32; LANES];
    for run in runs {
        for lane in 0..LANES {
            sums[lane] += of(run[lane]);
        }
    }
    sums.iter().sum::<f32>() + rest.iter().map(|x| of(*x)).sum::<f32>()
}

/// The largest number.
#[inline(always)]
pub fn largest(numbers: &[f32]) -> f32 {
    let (runs, rest) = numbers.as_chunks::<LANES>();
    let mut most = [f32::NEG_INFINITY; LANES];
    for run in runs {
        for lane in 0..LANES {
            most[lane] = if run[lane] > most[lane] { run[lane] } else { most[lane] };
        }
    }
    most.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::numbers;

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

    #[test]
    fn sums_and_maxima_of_every_length() {
        for len in [0, 1, 15, 16, 33, 729] {
            let x = numbers(len, 3);
            let slow: f64 = x.iter().map(|x| f64::from(*x).powi(2)).sum();
            assert!((f64::from(sum(&x, |x| x * x)) - slow).abs() < 1e-4);
            assert_eq!(largest(&x), x.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        }
    }
}
