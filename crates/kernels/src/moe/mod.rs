//! Feed-forward networks with a gate, `down(silu(gate x) * up x)`, alone and as a mixture of experts.
//!
//! A mixture gathers tokens by expert, so that each chosen expert's rows are decoded once for a chunk, and works on
//! pieces of (expert, rows), so that one token's few experts still occupy every core. What an expert gives is added to
//! its tokens in the order of expert numbers, whatever else is in the batch.
mod dispatch;
mod experts;
mod router;

pub use dispatch::{moe, moe_reference};
pub use experts::ExpertWeights;
pub use router::{Choices, Gate, Method, Scoring};

#[cfg(test)]
mod tests;
