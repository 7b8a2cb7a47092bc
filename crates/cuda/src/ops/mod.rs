//! The kernels as operations: one file per file of `kernels/`, with the parameters of each kernel as the card
//! reads them and the sizes of its launch.
pub mod attention;
pub mod elementwise;
pub mod flash;
pub mod gemm;
pub mod gemv;
pub mod moe;
pub mod rope;
pub mod top;

use rope::PageDtype;

/// A number of blocks.
pub(crate) fn blocks(count: usize, each: usize) -> u32 {
    count.div_ceil(each) as u32
}

/// The type of cached values as the names of kernels have it.
pub(crate) fn page_name(dtype: PageDtype) -> &'static str {
    match dtype {
        PageDtype::F32 => "f32",
        PageDtype::Bf16 => "bf16",
        PageDtype::Fp8 => "fp8",
    }
}
