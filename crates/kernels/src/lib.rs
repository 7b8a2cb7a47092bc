//! Fused operations of the engine. Each has a plain scalar reference beside it that the tests hold it to, and a form in
//! ordinary tensor operations that any device has, so that one model source runs everywhere.
//!
//! Knows nothing of models, tokens or files: a weight is bytes in a layout, a cache is pages in a layout.

#[cfg(target_arch = "x86_64")]
mod amx;
pub mod attention;
pub mod cache;
mod cancellation;
mod dot;
mod lanes;
pub mod layer_norm;
pub mod linear;
mod many;
pub mod moe;
pub mod norm;
mod pages;
mod prompts;
pub mod rope;
pub mod router;
mod slices;
#[cfg(test)]
mod testing;
pub mod weight;

pub use cancellation::{Asked, Cancellation};
pub use linear::Linear;
pub use many::Then;
pub use prompts::Prompts;
pub use weight::{Bytes, Weight};

/// Does `work` on one of the threads that share products out, so that it takes part instead of sleeping until each is done: a token
/// needs hundreds of them.
pub fn with_threads<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    rayon::scope(|_| work())
}
