//! Fused operations of the engine. Each has a plain scalar reference beside it that the tests hold it to, and a form in
//! ordinary tensor operations that any device has, so that one model source runs everywhere.
//!
//! Knows nothing of models, tokens or files: a weight is bytes in a layout, a cache is pages in a layout.

mod activations;
pub mod attention;
mod batch_rows;
pub mod cache;
mod cancellation;
mod dot;
mod gemm;
mod huge_pages;
pub mod layer_norm;
pub mod moe;
pub mod rms_norm;
pub mod rope;
mod simd_math;
mod slices;
#[cfg(test)]
mod testing;
pub mod weight;

pub use batch_rows::Prompts;
pub use cancellation::{Asked, Cancellation};
pub use gemm::{Linear, Then};
pub use weight::{Bytes, Weight};

/// Does `work` on one of the threads that share products out, so that it takes part instead of sleeping until each is done: a token
/// needs hundreds of them.
pub fn with_threads<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    rayon::scope(|_| work())
}
