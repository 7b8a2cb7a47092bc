//! The instruction set that vector code uses, detected once per process. Decoders and kernels select their
//! code by it, so that no two of them disagree about a processor.
use std::sync::OnceLock;

/// Instruction sets in ascending order; each includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isa {
    /// The baseline of the compilation target.
    Scalar,
    /// AVX2, FMA and F16C: x86-64-v3, Haswell and Zen.
    Avx2,
    /// AVX-512 F, BW, DQ and VL besides: x86-64-v4, every AVX-512 processor since Skylake-X.
    Avx512,
    /// The dot products of AVX-512 VNNI besides: Cascade Lake, Ice Lake, Zen 4.
    Vnni,
}

impl Isa {
    /// The best instruction set of the processor. For tests, the environment variable `WHALEDECK_ISA` limits
    /// it.
    ///
    /// # Panics
    /// When `WHALEDECK_ISA` is set to anything but `scalar`, `avx2`, `avx512` or `vnni`.
    #[inline]
    pub fn detect() -> Self {
        static DETECTED: OnceLock<Isa> = OnceLock::new();
        *DETECTED.get_or_init(|| {
            let limit = std::env::var("WHALEDECK_ISA");
            limit.map_or(Self::Vnni, |name| Self::from_name(&name)).min(Self::of_processor())
        })
    }

    fn from_name(name: &str) -> Self {
        match name {
            "scalar" => Self::Scalar,
            "avx2" => Self::Avx2,
            "avx512" => Self::Avx512,
            "vnni" => Self::Vnni,
            other => panic!("WHALEDECK_ISA is {other:?}, not scalar, avx2, avx512 or vnni"),
        }
    }

    #[cfg(target_arch = "x86_64")]
    fn of_processor() -> Self {
        use std::is_x86_feature_detected as has;
        if !(has!("avx2") && has!("fma") && has!("f16c")) {
            return Self::Scalar;
        }
        let avx512 = has!("avx512f") && has!("avx512bw") && has!("avx512dq") && has!("avx512vl");
        match avx512 {
            true if has!("avx512vnni") => Self::Vnni,
            true => Self::Avx512,
            false => Self::Avx2,
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn of_processor() -> Self {
        Self::Scalar
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_only_lowers_the_instruction_set() {
        let named = ["scalar", "avx2", "avx512", "vnni"].map(Isa::from_name);
        assert_eq!(named, [Isa::Scalar, Isa::Avx2, Isa::Avx512, Isa::Vnni]);
        assert_eq!(Isa::from_name("avx512").min(Isa::Scalar), Isa::Scalar);
        assert!(Isa::detect() <= Isa::of_processor());
    }

    #[test]
    #[should_panic(expected = "WHALEDECK_ISA")]
    fn an_unknown_limit_is_an_error() {
        Isa::from_name("sse9");
    }
}
