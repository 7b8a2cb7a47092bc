//! The list of formats with the block size of each. The sizes are defined by GGUF.
//! Knows nothing of the contents of a block.

/// The storage format of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(non_camel_case_types, reason = "the published names: Q4_0 is not Q40")]
pub enum Dtype {
    F32,
    F16,
    BF16,
    /// e4m3fn, without the block scales that published models store in a tensor beside it.
    F8E4M3,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q2K,
    Q3K,
    Q4K,
    Q5K,
    Q6K,
    IQ1S,
    IQ1M,
    IQ2XXS,
    IQ2XS,
    IQ2S,
    IQ3XXS,
    IQ3S,
    IQ4NL,
    IQ4XS,
    MXFP4,
}

impl Dtype {
    /// Every format.
    pub const ALL: &[Dtype] = &[
        Dtype::F32,
        Dtype::F16,
        Dtype::BF16,
        Dtype::F8E4M3,
        Dtype::Q4_0,
        Dtype::Q4_1,
        Dtype::Q5_0,
        Dtype::Q5_1,
        Dtype::Q8_0,
        Dtype::Q2K,
        Dtype::Q3K,
        Dtype::Q4K,
        Dtype::Q5K,
        Dtype::Q6K,
        Dtype::IQ1S,
        Dtype::IQ1M,
        Dtype::IQ2XXS,
        Dtype::IQ2XS,
        Dtype::IQ2S,
        Dtype::IQ3XXS,
        Dtype::IQ3S,
        Dtype::IQ4NL,
        Dtype::IQ4XS,
        Dtype::MXFP4,
    ];

    /// Values per block.
    pub const fn block_len(self) -> usize {
        self.block().0
    }

    /// Bytes per block.
    pub const fn block_bytes(self) -> usize {
        self.block().1
    }

    /// Bytes of `count` values; `None` when they do not fill whole blocks or the product overflows.
    pub fn bytes_of(self, count: usize) -> Option<usize> {
        let (len, bytes) = self.block();
        if !count.is_multiple_of(len) {
            return None;
        }
        (count / len).checked_mul(bytes)
    }

    /// The published name.
    pub const fn name(self) -> &'static str {
        match self {
            Dtype::F32 => "F32",
            Dtype::F16 => "F16",
            Dtype::BF16 => "BF16",
            Dtype::F8E4M3 => "F8_E4M3",
            Dtype::Q4_0 => "Q4_0",
            Dtype::Q4_1 => "Q4_1",
            Dtype::Q5_0 => "Q5_0",
            Dtype::Q5_1 => "Q5_1",
            Dtype::Q8_0 => "Q8_0",
            Dtype::Q2K => "Q2_K",
            Dtype::Q3K => "Q3_K",
            Dtype::Q4K => "Q4_K",
            Dtype::Q5K => "Q5_K",
            Dtype::Q6K => "Q6_K",
            Dtype::IQ1S => "IQ1_S",
            Dtype::IQ1M => "IQ1_M",
            Dtype::IQ2XXS => "IQ2_XXS",
            Dtype::IQ2XS => "IQ2_XS",
            Dtype::IQ2S => "IQ2_S",
            Dtype::IQ3XXS => "IQ3_XXS",
            Dtype::IQ3S => "IQ3_S",
            Dtype::IQ4NL => "IQ4_NL",
            Dtype::IQ4XS => "IQ4_XS",
            Dtype::MXFP4 => "MXFP4",
        }
    }

    const fn block(self) -> (usize, usize) {
        match self {
            Dtype::F32 => (1, 4),
            Dtype::F16 | Dtype::BF16 => (1, 2),
            Dtype::F8E4M3 => (1, 1),
            Dtype::Q4_0 | Dtype::IQ4NL => (32, 18),
            Dtype::Q4_1 => (32, 20),
            Dtype::Q5_0 => (32, 22),
            Dtype::Q5_1 => (32, 24),
            Dtype::Q8_0 => (32, 34),
            Dtype::MXFP4 => (32, 17),
            Dtype::Q2K => (256, 84),
            Dtype::Q3K | Dtype::IQ3S => (256, 110),
            Dtype::Q4K => (256, 144),
            Dtype::Q5K => (256, 176),
            Dtype::Q6K => (256, 210),
            Dtype::IQ1S => (256, 50),
            Dtype::IQ1M => (256, 56),
            Dtype::IQ2XXS => (256, 66),
            Dtype::IQ2XS => (256, 74),
            Dtype::IQ2S => (256, 82),
            Dtype::IQ3XXS => (256, 98),
            Dtype::IQ4XS => (256, 136),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_blocks_that_fit_have_a_size() {
        let check = |dtype: Dtype, count, expect| assert_eq!(dtype.bytes_of(count), expect, "{dtype:?}");
        check(Dtype::F32, 3, Some(12));
        check(Dtype::Q4K, 512, Some(288));
        check(Dtype::Q4K, 0, Some(0));
        check(Dtype::Q4K, 255, None);
        check(Dtype::F32, usize::MAX, None);
    }
}
