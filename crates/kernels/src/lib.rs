//! The fused operations of a model: products with encoded weights, attention over a paged KV cache, mixture
//! of experts, norms, rotary embedding. Each has a scalar reference that its tests compare with, and a form
//! in tensor operations for any device, so that one model source runs everywhere.
//!
//! Knows no models, tokens or files: a weight is encoded bytes, a cache is pages.

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

pub use batch_rows::PrefillRows;
pub use cancellation::{CancelCheck, Cancellation};
pub use gemm::{Epilogue, Linear};
pub use weight::{Bytes, Weight};

/// Runs `work` on a thread of the pool that computes the products, so that it takes part in them instead of
/// sleeping until each is done: a token needs hundreds of products.
pub fn in_thread_pool<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    rayon::scope(|_| work())
}
