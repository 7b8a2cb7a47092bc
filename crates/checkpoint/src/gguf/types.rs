//! GGML tensor type numbers: the supported types, and the names of the others for error messages.
//! The numbers are those of `enum ggml_type` in ggml.h. Decoding is in the crate `formats`.
use formats::Dtype;

/// The supported type of a number; `None` if it is not supported.
pub fn dtype(kind: u32) -> Option<Dtype> {
    Some(match kind {
        0 => Dtype::F32,
        1 => Dtype::F16,
        2 => Dtype::Q4_0,
        3 => Dtype::Q4_1,
        6 => Dtype::Q5_0,
        7 => Dtype::Q5_1,
        8 => Dtype::Q8_0,
        10 => Dtype::Q2K,
        11 => Dtype::Q3K,
        12 => Dtype::Q4K,
        13 => Dtype::Q5K,
        14 => Dtype::Q6K,
        16 => Dtype::IQ2XXS,
        17 => Dtype::IQ2XS,
        18 => Dtype::IQ3XXS,
        19 => Dtype::IQ1S,
        20 => Dtype::IQ4NL,
        21 => Dtype::IQ3S,
        22 => Dtype::IQ2S,
        23 => Dtype::IQ4XS,
        29 => Dtype::IQ1M,
        30 => Dtype::BF16,
        39 => Dtype::MXFP4,
        _ => return None,
    })
}

/// llama.cpp's name of an unsupported type; `None` for invalid numbers and types newer than this table.
pub fn other_name(kind: u32) -> Option<&'static str> {
    Some(match kind {
        4 => "Q4_2",
        5 => "Q4_3",
        9 => "Q8_1",
        15 => "Q8_K",
        24 => "I8",
        25 => "I16",
        26 => "I32",
        27 => "I64",
        28 => "F64",
        31 => "Q4_0_4_4",
        32 => "Q4_0_4_8",
        33 => "Q4_0_8_8",
        34 => "TQ1_0",
        35 => "TQ2_0",
        36 => "IQ4_NL_4_4",
        37 => "IQ4_NL_4_8",
        38 => "IQ4_NL_8_8",
        40 => "NVFP4",
        41 => "Q1_0",
        _ => return None,
    })
}

/// Whether a precision has the name of a type that is not supported, so that its files may hold it.
pub fn is_other_type(name: &str) -> bool {
    (0..=u32::from(u8::MAX)).filter_map(other_name).any(|other| other == name)
}
