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
                if crate::simd_math::has_avx512() {
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
    fn sums_and_maxima_of_every_length() {
        for len in [0, 1, 15, 16, 33, 729] {
            let x = numbers(len, 3);
            let slow: f64 = x.iter().map(|x| f64::from(*x).powi(2)).sum();
            assert!((f64::from(sum(&x, |x| x * x)) - slow).abs() < 1e-4);
            assert_eq!(largest(&x), x.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        }
    }
}
