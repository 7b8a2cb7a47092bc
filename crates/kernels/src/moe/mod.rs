//! SwiGLU feed-forward layers, `down(silu(gate x) * up x)`, and mixtures of them.
//!
//! A mixture groups tokens by expert, so that each weight row is decoded once per batch, and distributes
//! (expert, row block) pairs over the threads, so that the few experts of a single token still use every
//! core. Expert outputs are added in the order of expert indices: results are batch-invariant.
mod dispatch;
mod experts;
mod gate_up;
mod mlp;
mod router;

pub use dispatch::{moe, moe_reference};
pub use experts::Experts;
pub use mlp::Mlp;
pub use router::{Router, Scoring, TopK, TopkPolicy};

#[cfg(test)]
mod tests;
