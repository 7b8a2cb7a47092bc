//! The fused operations of a model: products with encoded weights, attention over a paged KV cache, mixture
//! of experts, norms, rotary embedding. Each has a scalar reference that its tests compare with. `lane` is
//! the set of operations that layers call, on the processor or on a graphics card, so that one model source
//! runs on both.
//!
//! Knows no models, tokens or files: a weight is encoded bytes, a cache is pages.

mod activations;
pub mod attention;
mod batch_rows;
pub mod cache;
mod cancellation;
mod card_check;
mod card_memory;
mod dot;
mod elementwise;
mod gemm;
mod huge_pages;
pub mod lane;
pub mod layer_norm;
mod logits;
pub mod moe;
mod place;
mod pool;
mod read_ahead;
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
pub use logits::{Logits, TOP_NATS, TopRow};
pub use place::Place;
pub use pool::{PoolTimes, times as pool_times};
pub use weight::{ActivationDtype, Bytes, Weight};

/// The graphics cards of this machine.
pub mod cards {
    pub use cuda::{CardInfo, Error, NoCard, has_kernels, places};

    pub use crate::card_check::{CheckError, check_products};

    /// Bytes of a matrix in a card's memory; `None` when no kernel reads the format.
    pub fn matrix_bytes(dtype: formats::Dtype, rows: usize, cols: usize) -> Option<u64> {
        cuda::Matrix::supports(dtype).then(|| cuda::Matrix::bytes_on_card(dtype, rows, cols)).flatten()
    }
}

/// Runs `work` on a thread of the pool that computes the products, so that it takes part in them instead of
/// sleeping until each is done: a token needs hundreds of products.
pub fn in_thread_pool<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    rayon::scope(|_| work())
}
