//! Loops that the compiler vectorises for the instruction set of the processor. Every width does the same
//! operations in the same order and nothing is fused, so all give the same bits.
use formats::LANES;

/// Compiles a function for AVX-512, for AVX2 and for the baseline, and selects one at run time. `$body` must
/// be `#[inline(always)]`.
macro_rules! multiversion {
    ($(#[$note:meta])* $vis:vis fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $out:ty)? = $body:path) => {
        $(#[$note])*
        $vis fn $name($($arg: $type),*) $(-> $out)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2")]
                fn avx512($($arg: $type),*) $(-> $out)? { $body($($arg),*) }
                #[target_feature(enable = "avx2")]
                fn avx2($($arg: $type),*) $(-> $out)? { $body($($arg),*) }
                match formats::Isa::detect() {
                    // SAFETY: the features were detected.
                    formats::Isa::Avx512 | formats::Isa::Vnni => return unsafe { avx512($($arg),*) },
                    // SAFETY: the feature was detected.
                    formats::Isa::Avx2 => return unsafe { avx2($($arg),*) },
                    formats::Isa::Scalar => {}
                }
            }
            $body($($arg),*)
        }
    };
}
pub(crate) use multiversion;

/// The sum of `f(x)` over all values, in `LANES` partial sums.
#[inline(always)]
pub fn sum(values: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut sums = [0.0f32; LANES];
    for chunk in chunks {
        for lane in 0..LANES {
            sums[lane] += f(chunk[lane]);
        }
    }
    sums.iter().sum::<f32>() + rest.iter().map(|x| f(*x)).sum::<f32>()
}

/// The largest value.
#[inline(always)]
pub fn max(values: &[f32]) -> f32 {
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut max = [f32::NEG_INFINITY; LANES];
    for chunk in chunks {
        for lane in 0..LANES {
            max[lane] = if chunk[lane] > max[lane] { chunk[lane] } else { max[lane] };
        }
    }
    max.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::uniform;

    #[test]
    fn sums_and_maxima_of_every_length() {
        for len in [0, 1, 15, 16, 33, 729] {
            let x = uniform(len, 3);
            let expected: f64 = x.iter().map(|x| f64::from(*x).powi(2)).sum();
            assert!((f64::from(sum(&x, |x| x * x)) - expected).abs() < 1e-4);
            assert_eq!(max(&x), x.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        }
    }
}
